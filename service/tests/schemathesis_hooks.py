"""Requests that schemathesis must not send. tests/service/openapi.rs sets this file with SCHEMATHESIS_HOOKS."""

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    # Undescribed headers are no error in HTTP: proxies add some.
    headers = [name.lower() for name in case.headers or {}]
    return not any("schemathesis-unknown-property" in name for name in headers)
