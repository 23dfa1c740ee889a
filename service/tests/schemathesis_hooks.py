"""What schemathesis is not to send: tests/service/openapi.rs names this file by SCHEMATHESIS_HOOKS."""

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    # A header that nobody has described is no error in HTTP: proxies add them.
    headers = [name.lower() for name in case.headers or {}]
    return not any("schemathesis-unknown-property" in name for name in headers)
