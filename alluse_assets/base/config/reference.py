"""The reference of every setting as Markdown, made from the model: ``docs/reference/configuration.md``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from alluse_assets.base.config.canonical_form import canonical_value
from alluse_assets.base.config.model_protocol import ProtocolConfig
from alluse_assets.base.config.profile_files import shipped_profiles
from alluse_assets.base.config.settings_tree import Setting, settings, value_at

_HEAD = """# Configuration reference

Made by `alluse config reference`; a test keeps it current. Every number of the protocol is a setting
here, with its default. Amounts are US dollars, shares are parts of one (0.05 is five per cent), deltas
are points (40 is 0.40), times are New York.

A value comes from the last of these that sets it: the default, the profile, an environment variable, a
version stored in the journal. `alluse config show --origin` says which one did.

- **Profile**: a YAML file with only what differs, nested as the names below are (`accounts:`, `gen:`,
  `buffer_share: 0.04`). `extends: NAME_OR_PATH` puts it on top of another. These ship: {profiles}.
- **Environment**: `ALLUSE__` and the name in capitals, with two underscores for each dot:
  `ALLUSE__ACCOUNTS__GEN__BUFFER_SHARE=0.04`. Lists and mappings are written as in YAML: `[AAPL, MSFT]`.
- **Book**: what a book was opened with is stored in it, and `alluse config set --book` makes a new version.
  How people are told (`notify`, `alerts.lowest_sent`) belongs to the installation, not to a book: it is read
  from the profile and the environment at each sending, so edit the profile.
- A list or a mapping is one setting: it is replaced as a whole. `empty` is `null` in YAML. A symbol that
  YAML would read as something else is quoted: `["TRUE"]`.
- Secrets are no settings. Where one is needed, a reference names it: `env:NAME`, `file:/path` (readable
  by its owner alone) or `vault:mount/path#key`.
"""


def reference_markdown() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD.format(profiles=", ".join(f"`{name}`" for name in shipped_profiles())).rstrip()
    defaults = ProtocolConfig()
    title = None
    for setting in settings().values():
        if _title(setting) != title:
            title = _title(setting)
            yield f"\n## {title}\n\n| setting | default | allowed | meaning |\n|---|---|---|---|"
        default = _shown(value_at(defaults, setting.path))
        cells = (f"`{setting.name}`", default, setting.allowed, setting.meaning)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _title(setting: Setting) -> str:
    """Accounts have a table a kind; settings outside a section share one."""
    if len(setting.path) == 1:
        return "the protocol as a whole"
    return ".".join(setting.path[: 2 if setting.path[0] == "accounts" else 1])


def _shown(value: object) -> str:
    form = canonical_value(value)
    if form is None:
        return "empty"
    return f"`{form if isinstance(form, str) else json.dumps(form)}`"
