# SPDX-License-Identifier: Apache-2.0
from own.settings import parse


def test_sections():
    assert parse("[a]\nb = 1\n") == {"a": {"b": "1"}}
