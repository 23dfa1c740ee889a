//! Conversion of pixels to gray.

use image::{DynamicImage, GrayAlphaImage, GrayImage, Luma, LumaA};

/// Converts an image to gray, with white paper behind its transparent parts. Otherwise, black text on a transparent
/// ground would be black on black. Light text on a mostly transparent ground is shown as its negative.
pub(super) fn on_paper(image: DynamicImage) -> GrayImage {
    if !image.color().has_alpha() {
        return image.into_luma8();
    }
    let image = image.into_luma_alpha8();
    let negative = is_light_on_nothing(&image);
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let [luma, alpha] = image.get_pixel(x, y).0;
        Luma([over_white(if negative { 255 - luma } else { luma }, alpha)])
    })
}

fn is_light_on_nothing(image: &GrayAlphaImage) -> bool {
    const LIGHT: u64 = 192;
    let (mut opaque, mut light) = (0, 0);
    for LumaA([luma, alpha]) in image.pixels() {
        opaque += u64::from(*alpha);
        light += u64::from(*alpha) * u64::from(*luma);
    }
    let pixels = u64::from(image.width()) * u64::from(image.height());
    opaque > 0 && opaque < pixels * 255 / 2 && light > opaque * LIGHT
}

/// Blends a gray value with `alpha` over white.
pub(super) fn over_white(luma: u8, alpha: u8) -> u8 {
    let (luma, alpha) = (u32::from(luma), u32::from(alpha));
    narrow((luma * alpha + 255 * (255 - alpha) + 127) / 255)
}

/// Brightness of a colour (ITU-R BT.601).
pub(super) fn luma(red: u8, green: u8, blue: u8) -> u8 {
    narrow((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114 + 500) / 1000)
}

/// Brightness of a mixture of inks, 255 being full ink.
pub(super) fn luma_of_inks(cyan: u8, magenta: u8, yellow: u8, black: u8) -> u8 {
    let channel = |ink: u8| narrow((255 - u32::from(ink)) * (255 - u32::from(black)) / 255);
    luma(channel(cyan), channel(magenta), channel(yellow))
}

fn narrow(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgba, RgbaImage};

    #[test]
    fn shows_transparent_pixels_as_paper() {
        assert_eq!(over_white(0, 0), 255);
        assert_eq!(over_white(0, 255), 0);
        assert_eq!(over_white(0, 128), 127);
        let clear_black = RgbaImage::from_pixel(2, 1, Rgba([0, 0, 0, 0]));
        assert_eq!(on_paper(clear_black.into()).as_raw(), &[255, 255]);
        let mut light = RgbaImage::from_pixel(3, 1, Rgba([0, 0, 0, 0]));
        light.put_pixel(1, 0, Rgba([250, 250, 250, 255]));
        assert_eq!(on_paper(light.into()).as_raw(), &[255, 5, 255]);
        let gray = image::ImageBuffer::from_pixel(1, 1, LumaA([40u8, 255]));
        assert_eq!(on_paper(DynamicImage::ImageLumaA8(gray)).as_raw(), &[40]);
    }

    #[test]
    fn more_ink_is_darker() {
        assert_eq!(luma_of_inks(0, 0, 0, 0), 255);
        assert_eq!(luma_of_inks(0, 0, 0, 255), 0);
        assert_eq!(luma_of_inks(255, 255, 255, 0), 0);
        assert_eq!(luma(255, 255, 255), 255);
    }
}
