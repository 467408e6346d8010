"""The OpenAPI document, without a database: ``python -m jiehuan.api.openapi > web/openapi.json``.

The console's types are generated from the file; a test fails when it is stale.
"""

from __future__ import annotations

import json
import sys


def document() -> str:
    """The document as JSON with sorted keys, ending with a newline: the same bytes for the same interface."""
    from jiehuan.api.app import describe

    return json.dumps(describe(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
