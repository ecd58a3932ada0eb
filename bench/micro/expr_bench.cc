// Small benchmark of expressions: ns per row of batches of 8,192 rows shaped like Nexmark bids. usage: expr_bench
// [filter]
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>

#include <random>

#include "base/check.h"
#include "batch/json_rows.h"
#include "bench_main.h"
#include "expr/expr.h"

namespace weir::bench {
namespace {

constexpr int kRows = 8192;
constexpr int kBatches = 200;

Batch MakeBids() {
  std::mt19937_64 random(7);
  arrow::Int64Builder auction, price;
  arrow::DoubleBuilder rate;
  arrow::StringBuilder channel, url;
  arrow::Int64Builder sparse;
  for (int i = 0; i < kRows; ++i) {
    const auto id = static_cast<int64_t>(random() % 600'000);
    WEIR_CHECK(auction.Append(id).ok() && price.Append(static_cast<int64_t>(random() % 100'000)).ok(), "memory");
    WEIR_CHECK(rate.Append(static_cast<double>(random() % 1000) / 7).ok(), "memory");
    WEIR_CHECK((random() % 10 == 0 ? sparse.AppendNull() : sparse.Append(static_cast<int64_t>(random() % 100))).ok(),
               "memory");
    WEIR_CHECK(channel.Append("channel-" + std::to_string(random() % 1000)).ok(), "memory");
    WEIR_CHECK(
        url.Append("https://www.nexmark.com/item/" + std::to_string(id) + "?channel_id=" + std::to_string(id % 97))
            .ok(),
        "memory");
  }
  auto schema =
      arrow::schema({arrow::field("auction", arrow::int64(), false), arrow::field("price", arrow::int64(), false),
                     arrow::field("rate", arrow::float64(), false), arrow::field("sparse", arrow::int64()),
                     arrow::field("channel", arrow::utf8(), false), arrow::field("url", arrow::utf8(), false)});
  return Batch(schema,
               {(*auction.Finish())->data(), (*price.Finish())->data(), (*rate.Finish())->data(),
                (*sparse.Finish())->data(), (*channel.Finish())->data(), (*url.Finish())->data()},
               kRows);
}

Case Expression(const Batch& batch, const char* text, bool filter) {
  std::vector<ExprError> mistakes;
  auto compiled = CompiledExpr::Compile(text, ExprLanguage::kGeneric, *batch.schema(), &mistakes);
  WEIR_CHECK(compiled != nullptr, text);
  auto evaluator = std::make_shared<ExprEvaluator>(compiled);
  return {std::string(filter ? "filter " : "value  ") + text, [evaluator, &batch, filter]() -> int64_t {
            std::vector<RowError> errors;
            for (int k = 0; k < kBatches; ++k) {
              const bool ok =
                  filter ? evaluator->EvalFilter(batch, &errors).ok() : evaluator->Eval(batch, &errors).ok();
              WEIR_CHECK(ok, "an expression runs");
            }
            return int64_t{kRows} * kBatches;
          }};
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  using namespace weir;
  using namespace weir::bench;
  const Batch bids = MakeBids();
  const Batch encoded = DictionaryEncode(bids, 4).ValueOrDie();
  std::vector<Case> cases;
  for (const char* text : {"price > 10000", "price > 90000", "price > 10000 and auction % 123 = 0", "auction % 123 = 0",
                           "price > 10000 and auction < 500000 and rate > 10 and price < 90000", "sparse > 50",
                           "channel = 'channel-7'", "url like '%channel_id=7%'", "price in (1, 2, 3)"}) {
    cases.push_back(Expression(bids, text, true));
  }
  cases.push_back(Expression(encoded, "channel = 'channel-7'", true));
  cases.back().name += " (dictionary)";
  for (const char* text :
       {"price", "price * 0.908", "price + auction", "price * 2 + 1", "sparse + 1", "price // 7", "rate * rate / 3",
        "case when price > 50000 then 1 else 0 end", "upper(channel)", "channel || '-x'", "substr(channel, 9)",
        "length(url)", "regexp_extract(url, 'channel_id=([^&]*)', 1)", "cast(price as string)",
        "date_trunc('day', to_timestamp(price))", "year(to_timestamp(price))"}) {
    cases.push_back(Expression(bids, text, false));
  }
  cases.push_back(Expression(encoded, "upper(channel)", false));
  cases.back().name += " (dictionary)";
  RunAll(cases, 5, 8.0 * kRows * kBatches, argc > 1 ? argv[1] : nullptr);
  return 0;
}
