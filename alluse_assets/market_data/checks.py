"""What must hold of clean bars before anything is made from them."""

from alluse_assets.market_data.tables import BARS
from alluse_assets.orchestration.check_factory import table_checks
from alluse_assets.orchestration.partitions import MONTHS

bars_description_holds, bars_quarantined_share = table_checks(BARS, MONTHS)
