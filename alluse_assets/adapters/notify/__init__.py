"""Channels that reach people, over the library Apprise: mail, chat services, webhooks and many more.

Each implements ``alerts.channel.Channel``. The library is loaded when something is sent, not before.
"""

from alluse_assets.adapters.notify.apprise_channel import AppriseChannel, open_channels

__all__ = ["AppriseChannel", "open_channels"]
