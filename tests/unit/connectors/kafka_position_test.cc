// Positions of readings of Kafka: their text is what a state folder keeps, so it must be read for ever.
#include "connectors/kafka/kafka_position.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(KafkaPosition, IsReadAsWritten) {
  KafkaPosition position;
  position.instance = "weir-00ff";
  position.next[{"orders", 0}] = 1234;
  position.next[{"orders", 11}] = 0;
  position.next[{"a \"strange\" topic", 2}] = int64_t{1} << 60;
  const auto read = KafkaPosition::FromText(position.ToText());
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->instance, position.instance);
  EXPECT_EQ(read->next, position.next);
}

TEST(KafkaPosition, HasThisText) {
  const std::string text = R"({"instance":"weir-4f","next":{"orders":{"0":1234,"1":998}}})";
  const auto read = KafkaPosition::FromText(text);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->next.at({"orders", 1}), 998);
  EXPECT_EQ(read->ToText(), text);
}

TEST(KafkaPosition, DamagedTextIsRefused) {
  for (const char* text :
       {"", "{}", "[]", "{\"next\":3}", "{\"next\":{\"t\":4}}", "{\"next\":{\"t\":{\"0\":\"x\"}}}", "{\"next\":{"}) {
    EXPECT_TRUE(KafkaPosition::FromText(text).status().IsInvalid()) << text;
  }
}

}  // namespace
}  // namespace weir
