// Parquet: what is written reads back, whatever the batches, threads and types; foreign types become flowing ones;
// skipping pages loses no row.
#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <random>
#include <thread>

#include "batch/compute_init.h"
#include "batch/gather.h"
#include "batch/json_rows.h"
#include "batch/print.h"
#include "batch/types.h"
#include "formats/parquet/column_reader.h"
#include "formats/parquet/encoding_choice.h"
#include "formats/parquet/parquet_reader.h"
#include "formats/parquet/parquet_writer.h"
#include "unit/test_seed.h"

namespace weir {
namespace {

const uint64_t kSeed = TestSeed();

template <class T>
T Must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return std::move(result).ValueOrDie();
}

const char kWideSchema[] =
    "i: integer, d: number, s: string, t: timestamp, b: boolean, y: bytes, day: date, m: decimal(10, 2), "
    "l: array<integer>, o: object{x: integer, y: string}, few: string";

std::string RandomRow(std::mt19937_64* random) {
  auto number = [&] { return std::to_string(static_cast<int64_t>((*random)()) >> ((*random)() % 60)); };
  auto maybe = [&](std::string text) { return (*random)() % 7 == 0 ? std::string("null") : text; };
  std::string letters(1 + (*random)() % 20, static_cast<char>('a' + (*random)() % 26));
  int day = 1 + static_cast<int>((*random)() % 28);
  std::string date = "2026-03-" + std::string(day < 10 ? "0" : "") + std::to_string(day);
  return "{\"i\": " + maybe(number()) + ", \"d\": " + maybe(std::to_string((*random)() % 1000) + ".25") +
         ", \"s\": " + maybe("\"" + letters + number() + "\"") + ", \"t\": " + maybe("\"" + date + "T01:02:03.5Z\"") +
         ", \"b\": " + maybe((*random)() % 2 ? "true" : "false") + ", \"y\": " + maybe("\"AAEC\"") +
         ", \"day\": " + maybe("\"" + date + "\"") + ", \"m\": " + maybe("\"12.34\"") +
         ", \"l\": " + maybe("[1, null, " + number() + "]") + ", \"o\": " + maybe("{\"x\": " + number() + "}") +
         ", \"few\": " + maybe("\"" + letters.substr(0, 1) + "\"") + "}";
}

Batch RandomBatch(int64_t rows, std::mt19937_64* random) {
  std::string json = "[";
  for (int64_t i = 0; i < rows; ++i) json += (i ? "," : "") + RandomRow(random);
  return MakeBatch(kWideSchema, json + "]");
}

std::vector<std::string> Rows(const std::vector<Batch>& batches) {
  std::vector<std::string> rows;
  for (const Batch& batch : batches) {
    for (int64_t i = 0; i < batch.num_rows(); ++i) rows.push_back(RowToJson(batch, i));
  }
  return rows;
}

std::shared_ptr<const ParquetFile> OpenBytes(const std::shared_ptr<arrow::Buffer>& bytes) {
  return Must(ParquetFile::Open(std::make_shared<arrow::io::BufferReader>(bytes), "t.parquet"));
}

SchemaPtr SchemaOf(const ParquetFile& file) {
  arrow::FieldVector fields;
  for (const ParquetColumn& column : file.columns()) fields.push_back(arrow::field(column.name, column.type));
  return arrow::schema(fields);
}

std::vector<int> AllColumns(const arrow::Schema& schema) {
  std::vector<int> all;
  for (int i = 0; i < schema.num_fields(); ++i) all.push_back(i);
  return all;
}

std::vector<ParquetBatch> ReadAll(const std::shared_ptr<const ParquetFile>& file, ParquetScan scan) {
  if (!scan.schema) scan.schema = SchemaOf(*file);
  if (scan.columns.empty()) scan.columns = AllColumns(*scan.schema);
  auto reader = Must(ParquetReader::Make(file, scan));
  std::vector<ParquetBatch> out;
  for (int group = 0; group < file->num_row_groups(); ++group) {
    EXPECT_TRUE(reader->StartRowGroup(group).ok());
    while (auto batch = Must(reader->Next())) out.push_back(std::move(*batch));
  }
  return out;
}

std::vector<std::string> ReadRows(const std::shared_ptr<const ParquetFile>& file, int64_t batch_rows = 8192) {
  std::vector<Batch> batches;
  for (ParquetBatch& part : ReadAll(file, {.batch_rows = batch_rows})) {
    EXPECT_TRUE(part.errors.empty());
    EXPECT_LE(part.batch.num_rows(), batch_rows);
    batches.push_back(std::move(part.batch));
  }
  return Rows(batches);
}

/// Row groups encoded by one thread each, appended in order.
std::shared_ptr<arrow::Buffer> Write(const std::vector<std::vector<Batch>>& groups, ParquetWriteOptions options = {}) {
  auto out = Must(arrow::io::BufferOutputStream::Create());
  auto writer = Must(ParquetFileWriter::Make(out, groups[0][0].schema(), options));
  std::vector<std::unique_ptr<ParquetFileWriter::RowGroup>> encoded(groups.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < groups.size(); ++i) {
    threads.emplace_back([&, i] { encoded[i] = Must(writer->Encode(groups[i])); });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& group : encoded) EXPECT_TRUE(writer->Append(std::move(group)).ok());
  EXPECT_TRUE(writer->Finish().ok());
  return Must(out->Finish());
}

TEST(ParquetTest, RowGroupsEncodedInParallelReadBackInOrder) {
  std::mt19937_64 random(kSeed);
  std::vector<std::vector<Batch>> groups(5);
  std::vector<Batch> all;
  for (auto& group : groups) {
    for (int64_t rows : {int64_t{1}, int64_t{300}, int64_t{77}}) group.push_back(RandomBatch(rows, &random));
    all.insert(all.end(), group.begin(), group.end());
  }
  for (const std::string& codec : ParquetCodecNames()) {
    auto bytes = Write(groups, {.codec = codec});
    auto file = OpenBytes(bytes);
    EXPECT_EQ(file->num_row_groups(), 5);
    for (int64_t batch_rows : {1, 7, 100, 8192}) {
      if (batch_rows == 1 && codec != "zstd") continue;
      EXPECT_EQ(ReadRows(file, batch_rows), Rows(all)) << codec << " " << batch_rows << " seed " << kSeed;
    }
    // Arrow's own reader agrees that this is an ordinary file.
    auto reader =
        Must(parquet::arrow::OpenFile(std::make_shared<arrow::io::BufferReader>(bytes), arrow::default_memory_pool()));
    auto table = Must(Must(reader->ReadTable())->CombineChunksToBatch());
    EXPECT_TRUE(table->ValidateFull().ok());
    EXPECT_EQ(Rows({Must(Batch::FromRecordBatch(*table))}), Rows(all));
  }
}

TEST(ParquetTest, SelectionsAndDictionariesAreWrittenAsTheirRows) {
  Batch batch = MakeBatch("s: string, i: integer", R"([{"s": "a", "i": 1}, {"s": "b", "i": 2}, {"s": "a"}, {"i": 4}])");
  batch = Must(DictionaryEncode(batch, 0));
  int32_t rows[] = {0, 2, 3};
  Batch selected =
      batch.Select({arrow::Buffer::FromString(std::string(reinterpret_cast<char*>(rows), sizeof rows)), 3});
  EXPECT_EQ(ReadRows(OpenBytes(Write({{selected}}))), Rows({selected}));
}

TEST(ParquetTest, AFileWithoutRowsIsAFile) {
  auto out = Must(arrow::io::BufferOutputStream::Create());
  auto writer = Must(ParquetFileWriter::Make(out, Must(SchemaFromText(kWideSchema)), {}));
  ASSERT_TRUE(writer->Finish().ok());
  auto file = OpenBytes(Must(out->Finish()));
  EXPECT_EQ(file->num_rows(), 0);
  EXPECT_TRUE(SchemaOf(*file)->Equals(*Must(SchemaFromText(kWideSchema)))) << SchemaOf(*file)->ToString();
  EXPECT_TRUE(ReadRows(file).empty());
}

TEST(ParquetTest, UnknownCodecsAndLevelsAreRefused) {
  auto schema = Must(SchemaFromText("a: integer"));
  auto out = Must(arrow::io::BufferOutputStream::Create());
  EXPECT_FALSE(ParquetFileWriter::Make(out, schema, {.codec = "zip"}).ok());
  EXPECT_FALSE(ParquetFileWriter::Make(out, schema, {.codec = "zstd", .level = 99}).ok());
  EXPECT_TRUE(ParquetFileWriter::Make(out, schema, {.codec = "zstd", .level = 3}).ok());
}

std::shared_ptr<arrow::Buffer> WriteTable(
    const std::shared_ptr<arrow::Table>& table, int64_t row_group_rows,
    std::shared_ptr<parquet::WriterProperties> properties = parquet::default_writer_properties()) {
  auto out = Must(arrow::io::BufferOutputStream::Create());
  auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, row_group_rows, properties,
                                         arrow_properties)
                  .ok());
  return Must(out->Finish());
}

TEST(ParquetTest, ForeignTypesBecomeFlowingTypes) {
  EnsureCompute();
  std::mt19937_64 random(kSeed);
  arrow::Int64Builder builder;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE((random() % 5 == 0 ? builder.AppendNull() : builder.Append(random() % 100)).ok());
  }
  auto numbers = Must(builder.Finish());
  std::vector<std::shared_ptr<arrow::DataType>> types = {arrow::int8(),
                                                         arrow::int16(),
                                                         arrow::int32(),
                                                         arrow::uint8(),
                                                         arrow::uint16(),
                                                         arrow::uint32(),
                                                         arrow::uint64(),
                                                         arrow::float32(),
                                                         arrow::float64(),
                                                         arrow::timestamp(arrow::TimeUnit::MILLI),
                                                         arrow::timestamp(arrow::TimeUnit::SECOND, "UTC"),
                                                         arrow::timestamp(arrow::TimeUnit::NANO, "Europe/Berlin"),
                                                         arrow::decimal128(20, 1),
                                                         arrow::utf8(),
                                                         arrow::large_utf8(),
                                                         arrow::dictionary(arrow::int32(), arrow::utf8()),
                                                         arrow::date32()};
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (size_t i = 0; i < types.size(); ++i) {
    arrow::Datum source(numbers);
    if (types[i]->id() == arrow::Type::DATE32) source = Must(arrow::compute::Cast(numbers, arrow::int32()));
    if (types[i]->id() == arrow::Type::DICTIONARY) {
      auto text = Must(arrow::compute::Cast(numbers, arrow::utf8()));
      columns.push_back(Must(arrow::compute::DictionaryEncode(text)).make_array());
    } else {
      columns.push_back(Must(arrow::compute::Cast(source, types[i])).make_array());
    }
    fields.push_back(arrow::field("c" + std::to_string(i), types[i]));
  }
  auto table = arrow::Table::Make(arrow::schema(fields), columns);
  auto file = OpenBytes(WriteTable(table, 300));
  auto expected = Must(Batch::FromRecordBatch(*Must(table->CombineChunksToBatch())));
  EXPECT_TRUE(SchemaOf(*file)->Equals(*expected.schema())) << SchemaOf(*file)->ToString();
  EXPECT_EQ(ReadRows(file, 64), Rows({expected}));
}

TEST(ParquetTest, AValueThatDoesNotFitRejectsItsRowOnly) {
  arrow::UInt64Builder builder;
  ASSERT_TRUE(builder.AppendValues(std::vector<uint64_t>{1, 18446744073709551615ULL, 3}).ok());
  auto table = arrow::Table::Make(arrow::schema({arrow::field("u", arrow::uint64())}), {Must(builder.Finish())});
  auto parts = ReadAll(OpenBytes(WriteTable(table, 100)), {});
  ASSERT_EQ(parts.size(), 1u);
  ASSERT_EQ(parts[0].errors.size(), 1u);
  EXPECT_EQ(parts[0].errors[0].row, 1);
  EXPECT_NE(parts[0].errors[0].message.find("'u'"), std::string::npos);
  EXPECT_EQ(Rows({parts[0].batch}), (std::vector<std::string>{"{\"u\": 1}", "{\"u\": null}", "{\"u\": 3}"}));
}

TEST(ParquetTest, DictionaryColumnsShareOneDictionaryInARowGroup) {
  std::mt19937_64 random(kSeed);
  auto file = OpenBytes(Write({{RandomBatch(2000, &random)}}));
  int column = file->FindColumn("few");
  ASSERT_TRUE(file->IsDictionaryEncoded(0, column));
  EXPECT_FALSE(file->IsDictionaryEncoded(0, file->FindColumn("s")));
  auto parts = ReadAll(file, {.batch_rows = 100});
  for (const ParquetBatch& part : parts) {
    ASSERT_NE(part.batch.column(column)->dictionary, nullptr);
    EXPECT_EQ(part.batch.column(column)->dictionary, parts[0].batch.column(column)->dictionary);
  }
}

TEST(ParquetTest, OnlyAskedColumnsAreThereAndIntegersServeAsNumbers) {
  std::mt19937_64 random(kSeed);
  auto file = OpenBytes(Write({{RandomBatch(10, &random)}}));
  auto schema = Must(SchemaFromText("s: string, i: number"));
  auto parts = ReadAll(file, {.schema = schema, .columns = {1}});
  EXPECT_TRUE(parts[0].batch.is_pruned(0));
  EXPECT_EQ(parts[0].batch.column(1)->type->id(), arrow::Type::DOUBLE);
  auto mismatch = ParquetReader::Make(file, {.schema = Must(SchemaFromText("i: string")), .columns = {0}});
  EXPECT_EQ(mismatch.status().message(), "column 'i' is integer in 't.parquet', expected string");
  auto missing = ParquetReader::Make(file, {.schema = Must(SchemaFromText("zz: string")), .columns = {0}});
  EXPECT_EQ(missing.status().message(), "'t.parquet' has no column 'zz'");
}

TEST(ParquetTest, SkippingRowsGivesTheSameRowsAsReadingThem) {
  std::mt19937_64 random(kSeed);
  std::vector<Batch> batches;
  for (int i = 0; i < 4; ++i) batches.push_back(RandomBatch(700, &random));
  Batch all = Must(ConcatBatches(batches[0].schema(), batches));
  auto properties =
      parquet::WriterProperties::Builder().data_pagesize(200)->write_batch_size(16)->disable_dictionary("s")->build();
  auto table = Must(arrow::Table::FromRecordBatches({Must(all.ToRecordBatch())}));
  auto file = OpenBytes(WriteTable(table, 1 << 20, properties));
  auto reader = Must(file->NewReader());
  for (int round = 0; round < 20; ++round) {
    for (int c = 0; c < all.num_columns(); ++c) {
      auto column = Must(ParquetColumnReader::Open(*file, reader.get(), 0, c));
      for (int64_t row = 0; row < all.num_rows();) {
        int64_t length = std::min<int64_t>(1 + random() % (round % 2 ? 400 : 20), all.num_rows() - row);
        if (random() % 3) {
          column->Skip(length);
        } else {
          std::vector<RowError> errors;
          auto data = Must(column->Read(length, &errors));
          Batch got(arrow::schema({all.schema()->field(c)}), {data}, length);
          Batch want = all.Project(got.schema(), {c}).Slice(row, length);
          ASSERT_EQ(Rows({got}), Rows({want})) << "column " << c << " row " << row << " seed " << kSeed;
        }
        row += length;
      }
    }
  }
}

TEST(ParquetTest, StatisticsProveWhatARowGroupCannotHold) {
  Batch batch = MakeBatch(
      "i: integer, s: string, t: timestamp, n: integer, d: number",
      R"([{"i": 5, "s": "b", "t": "2026-03-01T00:00:00Z", "d": 1.5}, {"i": 9, "s": "k", "t": "2026-03-05T00:00:00Z", "d": 2.5}])");
  auto file = OpenBytes(Write({{batch}}));
  using Op = CompiledExpr::Op;
  auto skips = [&](const char* name, Op op, std::shared_ptr<arrow::Scalar> value) {
    return file->CanSkip(0, {{file->FindColumn(name), op, value}});
  };
  auto integer = [](int64_t v) { return arrow::MakeScalar(v); };
  EXPECT_TRUE(skips("i", Op::kEq, integer(4)));
  EXPECT_TRUE(skips("i", Op::kEq, integer(10)));
  EXPECT_FALSE(skips("i", Op::kEq, integer(5)));
  EXPECT_FALSE(skips("i", Op::kEq, integer(7)));
  EXPECT_TRUE(skips("i", Op::kLt, integer(5)));
  EXPECT_FALSE(skips("i", Op::kLe, integer(5)));
  EXPECT_TRUE(skips("i", Op::kGt, integer(9)));
  EXPECT_FALSE(skips("i", Op::kGe, integer(9)));
  EXPECT_FALSE(skips("i", Op::kNe, integer(5)));
  EXPECT_TRUE(skips("s", Op::kEq, arrow::MakeScalar("a")));
  EXPECT_FALSE(skips("s", Op::kEq, arrow::MakeScalar("c")));
  EXPECT_TRUE(skips("n", Op::kNe, integer(0)));  // all null
  EXPECT_TRUE(skips("d", Op::kLt, arrow::MakeScalar(1.5)));
  EXPECT_FALSE(skips("d", Op::kGt, arrow::MakeScalar(9.0)));  // a NaN may hide behind the statistics
  auto time = std::make_shared<arrow::TimestampScalar>(1772323199999999, TimestampType());  // 1 µs before the first
  EXPECT_TRUE(skips("t", Op::kLe, time));
}

TEST(ParquetTest, EncodingsFollowTheData) {
  std::string json = "[";
  for (int i = 0; i < 3000; ++i) {
    json += (i ? "," : "") + std::string("{\"id\": ") + std::to_string(i * 7) + ", \"few\": \"v" +
            std::to_string(i % 9) + "\", \"many\": \"v" + std::to_string(i) +
            "\", \"far\": " + (i % 2 ? "1" : "1000000000000") + ", \"r\": " + std::to_string(i) + ".5}";
  }
  Batch batch =
      MakeBatch("id: integer, few: string, many: string, far: integer, r: number, l: array<integer>", json + "]");
  using enum ColumnEncoding;
  EXPECT_EQ(ChooseEncodings(std::vector{batch}),
            (std::vector{kDelta, kDictionary, kPlain, kDictionary, kPlain, kDefault}));
  std::vector<Batch> single;  // the stride crosses batches
  for (int i = 0; i < 3000; ++i) single.push_back(batch.Slice(i, 1));
  EXPECT_EQ(ChooseEncodings(single), ChooseEncodings(std::vector{batch}));
}

TEST(ParquetTest, WhatIsNoWholeFileIsRefusedByName) {
  std::mt19937_64 random(kSeed);
  auto bytes = Write({{RandomBatch(500, &random)}});
  for (int64_t size : {int64_t{0}, int64_t{3}, int64_t{12}, bytes->size() / 2, bytes->size() - 1}) {
    auto file =
        ParquetFile::Open(std::make_shared<arrow::io::BufferReader>(arrow::SliceBuffer(bytes, 0, size)), "cut.parquet");
    ASSERT_FALSE(file.ok()) << size;
    EXPECT_TRUE(file.status().IsIOError());
    EXPECT_NE(file.status().message().find("cut.parquet"), std::string::npos) << file.status();
  }
}

TEST(ParquetTest, DamagedPagesGiveAnErrorAndNoCrash) {
  std::mt19937_64 random(kSeed);
  auto good = Write({{RandomBatch(500, &random)}});
  for (int round = 0; round < 200; ++round) {
    std::string bytes = good->ToString();
    for (int flips = 0; flips < 4; ++flips)
      bytes[4 + random() % (bytes.size() - 12)] ^= static_cast<char>(1 << (random() % 8));
    auto file =
        ParquetFile::Open(std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes)), "bad.parquet");
    if (!file.ok()) continue;
    bool readable = std::all_of((*file)->columns().begin(), (*file)->columns().end(),
                                [](const auto& c) { return c.unreadable.ok(); });
    if (!readable) continue;
    auto schema = SchemaOf(**file);
    auto reader = ParquetReader::Make(*file, {.schema = schema, .columns = AllColumns(*schema)});
    if (!reader.ok() || (*file)->num_row_groups() == 0) continue;
    ASSERT_TRUE((*reader)->StartRowGroup(0).ok());
    for (;;) {
      auto batch = (*reader)->Next();
      if (!batch.ok() || !*batch) break;
    }
  }
}

}  // namespace
}  // namespace weir
