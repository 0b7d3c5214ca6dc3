"""A till that has never heard of Waybill or CloudEvents: bare JSON in a queue of its own. python3 till.py r-1 pen 2.50"""

import json
import sys

from order import connect

receipt, sku, price = sys.argv[1:]
with connect() as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("till.sales", durable=True)
    channel.basic_publish("", "till.sales", json.dumps({"receipt": receipt, "sku": sku, "price": float(price)}))
print(f"sold {receipt}")
