"""Writes down every order that the shop has placed, until interrupted: python3 consume.py"""

import json

from order import connect, declare_group


def write_down(channel, method, properties, body):
    order = json.loads(body)
    event_id = properties.headers["cloudEvents:id"]  # the same when it is delivered again
    print(f"ledger: {order['id']} {order['sku']} {order['cents'] / 100:.2f} (event {event_id})", flush=True)
    channel.basic_ack(method.delivery_tag)


with connect() as connection:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=16)
    channel.basic_consume(declare_group(channel, "ledger"), write_down)
    print("ledger: listening", flush=True)
    try:
        channel.start_consuming()
    except KeyboardInterrupt:
        pass
