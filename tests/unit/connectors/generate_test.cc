// Columns of Generate: a range gives the same values as the whole; distributions are what they say; mistakes are told.
#include <arrow/array.h>
#include <gtest/gtest.h>

#include "connectors/generate/field_maker.h"

namespace weir::generate {
namespace {

NodePtr Yaml(const std::string& text) {
  Diagnostics diagnostics;
  return LoadYaml(std::make_shared<SourceFile>("test.yaml", text), {}, &diagnostics);
}

std::shared_ptr<arrow::Array> Column(const FieldConfig& config, int64_t first, int64_t count) {
  Diagnostics diagnostics;
  auto maker = MakeField(config, 42, Yaml("{}"), &diagnostics);
  EXPECT_NE(maker, nullptr);
  return arrow::MakeArray(maker->Make(first, count).ValueOrDie());
}

std::string Mistake(const FieldConfig& config) {
  Diagnostics diagnostics;
  EXPECT_EQ(MakeField(config, 42, Yaml("{}"), &diagnostics), nullptr);
  return diagnostics.Sorted().empty() ? "" : diagnostics.Sorted()[0].message;
}

TEST(GenerateField, ARangeHasTheValuesOfTheWhole) {
  for (FieldKind kind : {FieldKind::kSequence, FieldKind::kInteger, FieldKind::kNumber, FieldKind::kNormal,
                         FieldKind::kChoice, FieldKind::kText, FieldKind::kBoolean, FieldKind::kTime}) {
    FieldConfig config;
    config.kind = kind;
    config.values = Yaml("[a, b, c]");
    config.nulls = 0.2;
    auto whole = Column(config, 0, 1000), part = Column(config, 300, 100);
    EXPECT_TRUE(whole->Slice(300, 100)->Equals(part)) << static_cast<int>(kind);
    EXPECT_NEAR(static_cast<double>(whole->null_count()), 200, 60) << static_cast<int>(kind);
  }
}

TEST(GenerateField, IntegersCoverTheirRangeAndNothingElse) {
  FieldConfig config;
  config.kind = FieldKind::kInteger;
  config.min = -2;
  config.max = 3;
  auto column = Column(config, 0, 6000);
  std::vector<int64_t> counts(6);
  for (int64_t i = 0; i < 6000; ++i) {
    ++counts.at(static_cast<size_t>(static_cast<const arrow::Int64Array&>(*column).Value(i) + 2));
  }
  for (int64_t count : counts) EXPECT_NEAR(static_cast<double>(count), 1000, 150);
}

TEST(GenerateField, ChoiceFollowsItsWeights) {
  FieldConfig config;
  config.kind = FieldKind::kChoice;
  config.values = Yaml("[10, 20, 30]");
  config.weights = {1, 0, 3};
  auto column = Column(config, 0, 4000);
  int64_t tens = 0, thirties = 0;
  for (int64_t i = 0; i < 4000; ++i) {
    const int64_t value = static_cast<const arrow::Int64Array&>(*column).Value(i);
    tens += value == 10;
    thirties += value == 30;
  }
  EXPECT_EQ(tens + thirties, 4000);
  EXPECT_NEAR(static_cast<double>(tens), 1000, 150);
}

TEST(GenerateField, MistakesAreTold) {
  FieldConfig config;
  config.kind = FieldKind::kInteger;
  config.min = 5;
  config.max = 4;
  EXPECT_EQ(Mistake(config), "'min' is greater than 'max'");
  config.max = 5.5;
  EXPECT_EQ(Mistake(config), "'min' and 'max' of integers must be integers within ± 2^53");
  config = {};
  config.kind = FieldKind::kChoice;
  EXPECT_NE(Mistake(config), "");
  config.values = Yaml("[a, b]");
  config.weights = {1};
  EXPECT_EQ(Mistake(config), "'weights' must be as many as 'values'");
  config = {};
  config.kind = FieldKind::kTime;
  config.from = "yesterday";
  EXPECT_EQ(Mistake(config), "'from' is not a time ('yesterday')");
}

}  // namespace
}  // namespace weir::generate
