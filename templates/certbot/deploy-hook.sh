#!/bin/sh
# Written by ocrctl. certbot has renewed: have NGINX serve it.
exec /opt/ocrctl/bin/ocrctl renew
