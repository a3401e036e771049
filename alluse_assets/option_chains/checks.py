"""What must hold of clean option quotes before anything is made from them."""

from alluse_assets.option_chains.tables import OPTION_QUOTES
from alluse_assets.orchestration.check_factory import table_checks
from alluse_assets.orchestration.partitions import SESSIONS

quotes_description_holds, quotes_quarantined_share = table_checks(OPTION_QUOTES, SESSIONS)
