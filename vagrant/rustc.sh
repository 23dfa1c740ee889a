#!/bin/sh
# rustc for the crates of this repository: links the C library into ocrctl, which goes to hosts of other releases, and into no
# other program. So one build makes ocrctl and the service, which links the distribution's Tesseract.
case " $* " in
*" --crate-name ocrctl --"*" --crate-type bin "*) exec "$@" -C target-feature=+crt-static ;;
*) exec "$@" ;;
esac
