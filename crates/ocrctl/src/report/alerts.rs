//! The result of a test of a host's alerts, for people.

use ocrctl_protocol::alerts::Delivery;

use super::printable::printable;
use super::style::Styles;

pub(super) fn render(host: &str, deliveries: &[Delivery], styles: &Styles) -> String {
    let mut out = format!("{}\n", printable(host));
    if deliveries.is_empty() {
        out.push_str("  no channels\n");
    }
    for delivery in deliveries {
        let channel = format!("{:<14}", delivery.channel);
        match &delivery.error {
            None => out.push_str(&format!("  {channel}sent\n")),
            Some(error) => {
                let red = styles.error;
                out.push_str(&format!("  {red}{channel}{red:#}{}\n", printable(error)));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_a_line() {
        let delivery = |channel: &str, error: Option<&str>| Delivery {
            channel: channel.to_owned(),
            error: error.map(str::to_owned),
        };
        let deliveries = [
            delivery("webhook", None),
            delivery("email", Some("the relay did not answer within 20 s")),
        ];
        insta::assert_snapshot!(render("ocr1", &deliveries, &Styles::default()));
    }
}
