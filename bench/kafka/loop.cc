// The peer of Weir's Kafka benchmark: librdkafka in the shortest loop there is.
//
//   weir_bench_kafka produce BROKERS TOPIC ROWS       lines of standard input over and over, one record each
//   weir_bench_kafka consume BROKERS TOPIC ROWS       so many records; prints how many bytes they had
#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace {

rd_kafka_t* Connect(rd_kafka_type_t type, const std::vector<std::pair<const char*, const char*>>& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[256];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
      std::fprintf(stderr, "%s\n", text);
      std::exit(1);
    }
  }
  rd_kafka_t* handle = rd_kafka_new(type, conf, text, sizeof text);
  if (handle) return handle;
  std::fprintf(stderr, "%s\n", text);
  std::exit(1);
}

int Produce(const char* brokers, const char* name, int64_t rows) {
  std::vector<std::string> lines;
  for (std::string line; std::getline(std::cin, line);) lines.push_back(line);
  rd_kafka_t* producer = Connect(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers},
                                                     {"enable.idempotence", "true"},
                                                     {"compression.codec", "lz4"},
                                                     {"linger.ms", "5"},
                                                     {"delivery.report.only.error", "true"},
                                                     {"queue.buffering.max.messages", "1000000"},
                                                     {"queue.buffering.max.kbytes", "262144"}});
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, name, nullptr);
  size_t at = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const std::string& line = lines[at];
    at = at + 1 == lines.size() ? 0 : at + 1;
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, const_cast<char*>(line.data()),
                            line.size(), nullptr, 0, nullptr) != 0) {
      rd_kafka_poll(producer, 10);
    }
    if (row % 1000 == 0) rd_kafka_poll(producer, 0);
  }
  const bool ok = rd_kafka_flush(producer, 60'000) == RD_KAFKA_RESP_ERR_NO_ERROR;
  std::printf("%lld records\n", static_cast<long long>(rows));
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(producer);
  return ok ? 0 : 1;
}

int Consume(const char* brokers, const char* name, int64_t rows) {
  rd_kafka_t* consumer = Connect(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers},
                                                     {"group.id", "bench"},
                                                     {"enable.auto.commit", "false"},
                                                     {"queued.min.messages", "1000000"},
                                                     {"auto.offset.reset", "earliest"}});
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(consumer, name, nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  if (rd_kafka_metadata(consumer, 0, topic, &metadata, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return 1;
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(8);
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
    rd_kafka_topic_partition_list_add(list, name, metadata->topics[0].partitions[i].id)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_assign(consumer, list);
  int64_t records = 0, bytes = 0;
  while (records < rows) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 1000);
    if (!message) continue;
    if (!message->err) {
      ++records;
      bytes += static_cast<int64_t>(message->len);
    }
    rd_kafka_message_destroy(message);
  }
  std::printf("%lld records, %lld bytes\n", static_cast<long long>(records), static_cast<long long>(bytes));
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_topic_destroy(topic);
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count == 5 && !std::strcmp(words[1], "produce")) return Produce(words[2], words[3], std::atoll(words[4]));
  if (count == 5 && !std::strcmp(words[1], "consume")) return Consume(words[2], words[3], std::atoll(words[4]));
  std::fprintf(stderr, "usage: weir_bench_kafka produce BROKERS TOPIC ROWS < LINES | consume BROKERS TOPIC ROWS\n");
  return 2;
}
