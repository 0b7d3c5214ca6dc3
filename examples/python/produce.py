"""Places an order with the shop: python3 produce.py order-1 book 1999"""

import sys

from order import PLACE, cloud_event, connect, declare_command, publish

order_id, sku, cents = sys.argv[1:]
with connect() as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    declare_command(channel)
    publish(channel, PLACE, {"id": order_id, "sku": sku, "cents": int(cents)}, cloud_event(PLACE, "/python"))
print(f"placed {order_id}")
