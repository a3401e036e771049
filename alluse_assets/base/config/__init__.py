"""The typed configuration: its model, its layers, its profiles.

``model_*`` state every number of the protocol with bounds, unit and default; ``config_manager`` reads
them from defaults < profile < environment < stored versions and says where each value came from;
``profiles/`` holds the profiles that ship. Secrets are not configuration: see ``base.secrets``.
"""

from alluse_assets.base.config.model_accounts import AccountRules, LegRules
from alluse_assets.base.config.model_fields import KINDS, WEEKDAYS, Kind
from alluse_assets.base.config.model_protocol import ProtocolConfig

__all__ = ["KINDS", "WEEKDAYS", "AccountRules", "Kind", "LegRules", "ProtocolConfig"]
