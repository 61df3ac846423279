"""A Kafka broker to read from: librdkafka's mock cluster, on loopback, in plain text.

Says its address on the first line. Then each line of standard input is a command, answered by one line:

    produce TOPIC PARTITION MILLISECONDS TEXT    the record's offset
    make TOPIC                                   the number of its partitions

It ends with its standard input.
"""

import sys
import time

from confluent_kafka import Producer


def partitions(producer, topic):
    # The first question makes the topic; its leaders may take a moment.
    while True:
        found = producer.list_topics(topic, timeout=60).topics[topic]
        if found.error is None and found.partitions and all(p.leader >= 0 for p in found.partitions.values()):
            return len(found.partitions)
        time.sleep(0.01)


def produce(producer, topic, partition, milliseconds, text):
    done = []
    producer.produce(
        topic,
        text.encode(),
        partition=int(partition),
        timestamp=int(milliseconds),
        on_delivery=lambda error, message: done.append(f"failed: {error}" if error else message.offset()),
    )
    producer.flush(60)
    return done[0] if done else "failed: no answer"


def main():
    producer = Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": "1", "linger.ms": "0"})
    brokers = producer.list_topics(timeout=60).brokers
    print(",".join(f"{broker.host}:{broker.port}" for broker in brokers.values()), flush=True)
    for line in sys.stdin:
        verb, *words = line.rstrip("\n").split(" ", 4)
        answer = produce(producer, *words) if verb == "produce" else partitions(producer, *words)
        print(answer, flush=True)


main()
