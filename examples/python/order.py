"""Orders on the broker: what contract.ts says, in AMQP's words. Everything that Python must know of Waybill is here."""

import json
import os
import uuid
from datetime import datetime, timezone

import pika

URL = os.environ.get("WAYBILL_URL", "amqp://guest:guest@127.0.0.1:5672")

PLACE = "shop.place"  # a command: a queue by its own name, reached by the default exchange
PLACED = "shop.placed"  # an event: in the topic exchange of its contract, with the routing key <shard>.<type>
EVENTS = "shop"

# Waybill's durable queues. Who comes first declares; who declares otherwise is refused with 406 PRECONDITION_FAILED.
QUEUE_ARGUMENTS = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000}


def connect():
    return pika.BlockingConnection(pika.URLParameters(URL))


def declare_command(channel):
    channel.queue_declare(PLACE, durable=True, arguments=QUEUE_ARGUMENTS)


def declare_group(channel, group):
    """A queue that keeps every placed order for `group`, also while nobody of it runs. Returns its name."""
    queue = f"{EVENTS}:{group}"
    channel.exchange_declare(EVENTS, exchange_type="topic", durable=True)
    channel.queue_declare(queue, durable=True, arguments=QUEUE_ARGUMENTS)
    channel.queue_bind(queue, EVENTS, routing_key=f"*.{PLACED}")
    return queue


def cloud_event(event_type, source):
    """The properties of a persistent message, with the headers of CloudEvents 1.0 (AMQP binding, binary mode)."""
    attributes = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": source,
        "type": event_type,
        "time": datetime.now(timezone.utc).isoformat(),
    }
    return pika.BasicProperties(
        content_type="application/json",
        delivery_mode=2,
        headers={f"cloudEvents:{name}": value for name, value in attributes.items()},
    )


def publish(channel, queue, body, properties):
    """Returns when the broker has stored the message; raises pika's UnroutableError or NackError when it has not."""
    channel.basic_publish("", queue, json.dumps(body).encode(), properties, mandatory=True)
