// Head and sample of CSV files.
#include "formats/csv/csv_schema.h"

#include <arrow/type.h>
#include <simdjson.h>

#include <algorithm>
#include <set>

#include "formats/csv/csv_column.h"
#include "formats/csv/csv_field.h"
#include "formats/csv/csv_index.h"
#include "formats/csv/csv_walk.h"
#include "formats/text/block_feeder.h"
#include "formats/text/value_text.h"

namespace weir {
namespace {

/// The first record that is not empty: its fields and where the next one begins.
struct FirstRecord {
  std::vector<std::string> fields;
  int64_t begin = -1, next = -1;  // -1: there is none
  bool open = false;              // the text ended inside it
};

FirstRecord FindFirstRecord(std::string_view text, const CsvDialect& dialect) {
  FirstRecord out;
  std::vector<int64_t> ends;
  int64_t begin = 0;
  WalkCsv(
      dialect, text.data(), static_cast<int64_t>(text.size()), [&](int64_t end) { ends.push_back(end); },
      [&](int64_t end, int64_t next) {
        int64_t length = end - begin;
        length -= length > 0 && text[begin + length - 1] == '\r';
        if (ends.size() == 1 && length == 0) {
          ends.clear();
          begin = next;
          return true;
        }
        ends.back() = begin + length;
        out.begin = begin;
        out.next = next;
        return false;
      },
      [&](int64_t next) { begin = next; });
  out.open = out.next < 0 && (!ends.empty() || begin < static_cast<int64_t>(text.size()));
  if (out.next < 0) return out;
  std::string scratch;
  bool quoted;
  for (const int64_t end : ends) {
    out.fields.emplace_back(CsvFieldValue(text.data() + begin, text.data() + end, dialect, &scratch, &quoted));
    begin = end + 1;
  }
  return out;
}

/// Names that differ from each other and from nothing.
void MakeUnique(std::vector<std::string>* names) {
  std::set<std::string> taken(names->begin(), names->end());
  std::set<std::string> seen;
  for (size_t i = 0; i < names->size(); ++i) {
    std::string& name = (*names)[i];
    if (name.empty()) name = "Unnamed: " + std::to_string(i);
    if (seen.insert(name).second) continue;
    int n = 1;
    while (taken.count(name + "." + std::to_string(n)) || seen.count(name + "." + std::to_string(n))) ++n;
    name += "." + std::to_string(n);
    seen.insert(name);
  }
}

/// What the values of one column have in common.
struct SeenKinds {
  bool integer = false, number = false, boolean = false, text = false;

  void Add(std::string_view value) {
    value = TrimBlanks(value);
    std::string_view digits = value;
    if (!digits.empty() && (digits.front() == '-' || digits.front() == '+')) digits.remove_prefix(1);
    const bool all_digits =
        !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    const bool leading_zero = digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
    int64_t as_int;
    double as_double;
    bool as_bool;
    if (all_digits) {
      (leading_zero || !ParseInt64(value, &as_int) ? text : integer) = true;
    } else if (!leading_zero && ParseDouble(value, &as_double)) {
      number = true;
    } else if (ParseBool(value, &as_bool)) {
      boolean = true;
    } else {
      text = true;
    }
  }

  TypePtr Type() const {
    if (text || (boolean && (integer || number))) return arrow::utf8();
    if (boolean) return arrow::boolean();
    if (number) return arrow::float64();
    return integer ? arrow::int64() : arrow::utf8();
  }
};

/// The whole records of a sample as a block.
TextBlock SampleBlock(std::string_view sample, bool whole_file, const std::string& file, const CsvDialect& dialect) {
  TextBlock block;
  block.buffer.Reserve(static_cast<int64_t>(sample.size()) + 1, 0);
  std::copy(sample.begin(), sample.end(), block.buffer.data());
  auto size = static_cast<int64_t>(sample.size());
  if (whole_file && size > 0 && sample.back() != '\n') block.buffer.data()[size++] = '\n';
  std::fill_n(block.buffer.data() + size, kTextBackPadding, '\0');
  block.size = CsvScanner(dialect).LastRecordEnd(block.data(), size, whole_file, &block);
  std::fill_n(block.buffer.data() + block.size, kTextBackPadding, '\0');
  block.file = std::make_shared<TextFile>(file, nullptr);
  return block;
}

}  // namespace

Result<CsvHead> ReadCsvHead(std::string_view sample, bool whole_file, const std::string& file,
                            const CsvReadOptions& options) {
  CsvHead head;
  WEIR_ASSIGN_OR_RETURN(head.data_begin, ByteOrderMark(sample, file));
  const std::string_view text = sample.substr(head.data_begin);
  FirstRecord first = FindFirstRecord(text, options.dialect);
  if (first.open && whole_file && (text.empty() || text.back() != '\n')) {
    std::string ended(text);
    ended += '\n';
    first = FindFirstRecord(ended, options.dialect);
    if (first.next > static_cast<int64_t>(text.size())) first.next = static_cast<int64_t>(text.size());
  }
  if (first.open) {
    return Status::Invalid(file, ":1: the first record does not end within ", sample.size(),
                           " bytes: is a quote not closed, or is this no CSV file?");
  }
  if (first.next < 0) {
    head.names = options.names;
    head.data_begin = static_cast<int64_t>(sample.size());
    return head;
  }
  if (options.header) {
    head.data_begin += first.next;
    head.names = std::move(first.fields);
  } else {
    head.data_begin += first.begin;
    for (size_t i = 0; i < first.fields.size(); ++i) head.names.push_back("column" + std::to_string(i));
  }
  if (!options.names.empty()) {
    if (options.names.size() != head.names.size()) {
      return Status::Invalid(file, ": ", options.names.size(), " names are given for ", head.names.size(), " fields");
    }
    head.names = options.names;
  }
  for (const std::string& name : head.names) {
    if (simdjson::validate_utf8(name)) continue;
    return Status::Invalid(file, ":1: the field name '", Excerpt(name.data(), static_cast<int64_t>(name.size())),
                           "' is not UTF-8: convert the file first (iconv -f LATIN1 -t UTF-8), or give the names");
  }
  MakeUnique(&head.names);
  return head;
}

Result<SchemaPtr> InferCsvSchema(std::string_view sample, bool whole_file, const std::string& file, const CsvHead& head,
                                 const CsvReadOptions& options) {
  const TextBlock block = SampleBlock(sample.substr(head.data_begin), whole_file, file, options.dialect);
  CsvIndex index(options.dialect, static_cast<int>(head.names.size()), options.allow_short_rows);
  std::vector<CsvShapeError> shape_errors;
  if (!head.names.empty()) index.Build(block, &shape_errors);
  const CsvNulls nulls(options);
  arrow::FieldVector fields;
  std::string scratch;
  for (size_t i = 0; i < head.names.size(); ++i) {
    const auto given = std::find_if(options.types.begin(), options.types.end(),
                                    [&](const auto& entry) { return entry.first == head.names[i]; });
    TypePtr type;
    if (given != options.types.end()) {
      type = given->second;
    } else {
      SeenKinds kinds;
      ForEachCsvField({index.Column(static_cast<int>(i)), index.num_rows()},
                      [&](int64_t, const char* begin, const char* end) {
                        bool quoted = false;
                        const auto value = CsvFieldValue(begin, end, options.dialect, &scratch, &quoted);
                        if (!value.empty() && !nulls.IsNull(TrimBlanks(value), false)) kinds.Add(value);
                      });
      type = kinds.Type();
    }
    fields.push_back(arrow::field(head.names[i], std::move(type)));
  }
  return arrow::schema(std::move(fields));
}

Result<std::vector<int>> MapCsvFields(const arrow::Schema& schema, const CsvHead& head, const std::string& file,
                                      const CsvReadOptions& options, bool allow_extra) {
  std::vector<int> field_of_column;
  const bool by_place = !options.header && options.names.empty();
  if (by_place && static_cast<int>(head.names.size()) != schema.num_fields()) {
    return Status::Invalid(file, ": ", head.names.size(), " fields, but ", schema.num_fields(), " are expected");
  }
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (by_place) {
      field_of_column.push_back(i);
      continue;
    }
    const auto found = std::find(head.names.begin(), head.names.end(), schema.field(i)->name());
    if (found == head.names.end()) {
      return Status::Invalid(file, ": no field '", schema.field(i)->name(), "' in its header");
    }
    field_of_column.push_back(static_cast<int>(found - head.names.begin()));
  }
  if (!allow_extra) {
    for (const auto& name : head.names) {
      if (!by_place && schema.GetFieldIndex(name) < 0) {
        return Status::Invalid(file, ": field '", name,
                               "' is not in the files before it; give a schema to choose fields");
      }
    }
  }
  return field_of_column;
}

}  // namespace weir
