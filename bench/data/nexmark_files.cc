// Nexmark events as CSV, NDJSON and Parquet files with the same rows.
#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <algorithm>
#include <memory>

#include "connectors/nexmark/generator.h"
#include "data/files.h"

namespace weir::bench {
namespace {

using nexmark::Events;
using nexmark::EventType;
using nexmark::Generator;

constexpr int64_t kStepEvents = 100'000;

std::string_view Value(const arrow::Array& array, int64_t row) {
  if (array.type_id() == arrow::Type::DICTIONARY) {
    const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array);
    return static_cast<const arrow::StringArray&>(*dictionary.dictionary()).GetView(dictionary.GetValueIndex(row));
  }
  return static_cast<const arrow::StringArray&>(array).GetView(row);
}

/// The only character of generated text that JSON wants escaped is the backslash.
void AppendJson(std::string_view text, TextFile& file) {
  for (size_t at; (at = text.find('\\')) != text.npos; text.remove_prefix(at + 1)) file << text.substr(0, at) << "\\\\";
  file << text;
}

Status AppendBids(const Events& bids, TextFile& csv, TextFile& json) {
  std::shared_ptr<arrow::Array> columns[7];
  for (size_t i = 0; i < 7; ++i) columns[i] = arrow::MakeArray(bids.columns[i]);
  const auto *auction = bids.columns[0]->GetValues<int64_t>(1), *bidder = bids.columns[1]->GetValues<int64_t>(1),
             *price = bids.columns[2]->GetValues<int64_t>(1), *time = bids.columns[5]->GetValues<int64_t>(1);
  for (int64_t row = 0; row < bids.num_rows; ++row) {
    std::string_view channel = Value(*columns[3], row), url = Value(*columns[4], row), extra = Value(*columns[6], row);
    csv << auction[row] << ',' << bidder[row] << ',' << price[row] << ',' << channel << ',' << url << ','
        << time[row] / 1000 << ',' << extra << '\n';
    json << "{\"auction\":" << auction[row] << ",\"bidder\":" << bidder[row] << ",\"price\":" << price[row]
         << ",\"channel\":\"" << channel << "\",\"url\":\"" << url << "\",\"dateTime\":" << time[row] / 1000
         << ",\"extra\":\"";
    AppendJson(extra, json);
    json << "\"}\n";
    if (row % 1024 == 0) {
      WEIR_RETURN_NOT_OK(csv.FlushIfFull());
      WEIR_RETURN_NOT_OK(json.FlushIfFull());
    }
  }
  return Status::OK();
}

/// Arrow's default writer (dictionaries where they pay) with zstd: a file as a stranger would have made it.
Result<std::unique_ptr<parquet::arrow::FileWriter>> OpenParquet(const std::string& path, const SchemaPtr& schema) {
  WEIR_ASSIGN_OR_RETURN(auto out, arrow::io::FileOutputStream::Open(path));
  parquet::WriterProperties::Builder properties;
  properties.compression(parquet::Compression::ZSTD)->compression_level(3)->max_row_group_length(int64_t{1} << 40);
  return parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), out, properties.build());
}

Status WriteParquet(const Generator& generator, EventType type, const std::string& path, int64_t num_events,
                    int64_t row_groups) {
  const SchemaPtr& schema = generator.schema(type);
  WEIR_ASSIGN_OR_RETURN(auto writer, OpenParquet(path, schema));
  int64_t group_events = (num_events / row_groups + 49) / 50 * 50;
  for (int64_t first = 0; first < num_events; first += group_events) {
    int64_t end = std::min(first + group_events, num_events);
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    for (int64_t at = first; at < end; at += kStepEvents) {
      WEIR_ASSIGN_OR_RETURN(Events events, generator.Generate(type, at, std::min(kStepEvents, end - at)));
      for (size_t i = 0; i < events.columns.size(); ++i) {
        if (events.columns[i]->type->id() != arrow::Type::DICTIONARY) continue;
        auto array = arrow::MakeArray(events.columns[i]);
        arrow::StringBuilder builder;
        for (int64_t row = 0; row < array->length(); ++row) WEIR_RETURN_NOT_OK(builder.Append(Value(*array, row)));
        WEIR_ASSIGN_OR_RETURN(array, builder.Finish());
        events.columns[i] = array->data();
      }
      batches.push_back(arrow::RecordBatch::Make(schema, events.num_rows, std::move(events.columns)));
    }
    WEIR_ASSIGN_OR_RETURN(auto table, arrow::Table::FromRecordBatches(schema, batches));
    WEIR_RETURN_NOT_OK(writer->WriteTable(*table, std::max<int64_t>(table->num_rows(), 1)));
  }
  return writer->Close();
}

}  // namespace

Status WriteNexmark(const std::string& folder, int64_t num_events) {
  WEIR_ASSIGN_OR_RETURN(auto generator, Generator::Make({}));
  WEIR_ASSIGN_OR_RETURN(TextFile csv, TextFile::Open(folder + "/bid.csv"));
  WEIR_ASSIGN_OR_RETURN(TextFile json, TextFile::Open(folder + "/bid.ndjson"));
  csv << "auction,bidder,price,channel,url,dateTime,extra\n";
  for (int64_t first = 0; first < num_events; first += kStepEvents) {
    WEIR_ASSIGN_OR_RETURN(Events bids,
                          generator->Generate(EventType::kBid, first, std::min(kStepEvents, num_events - first)));
    WEIR_RETURN_NOT_OK(AppendBids(bids, csv, json));
  }
  WEIR_RETURN_NOT_OK(csv.Close());
  WEIR_RETURN_NOT_OK(json.Close());
  WEIR_RETURN_NOT_OK(WriteParquet(*generator, EventType::kBid, folder + "/bid.parquet", num_events, 25));
  WEIR_RETURN_NOT_OK(WriteParquet(*generator, EventType::kAuction, folder + "/auction.parquet", num_events, 4));
  return WriteParquet(*generator, EventType::kPerson, folder + "/person.parquet", num_events, 4);
}

}  // namespace weir::bench
