// Values as canonical JSON, and tables for a terminal.
#include "batch/print.h"

#include <arrow/array.h>
#include <arrow/type.h>
#include <arrow/util/base64.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/print_value.h"

namespace weir {

using arrow::Type;

std::string FormatDate(int32_t days) {
  char text[kMaxDateChars];
  return {text, PrintDate(days, text)};
}

std::string FormatTimestamp(int64_t micros) {
  char text[kMaxTimestampChars];
  return {text, PrintTimestamp(micros, text)};
}

std::string FormatDouble(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char text[kMaxDoubleChars];
  return {text, PrintDouble(value, text)};
}

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          char escaped[8];
          std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
          *out += escaped;
        } else {
          out->push_back(c);
        }
    }
  }
  out->push_back('"');
}

namespace {

std::string_view TextAt(const arrow::ArrayData& column, int64_t row) {
  const int32_t* offsets = column.GetValues<int32_t>(1) + row;
  if (offsets[0] == offsets[1]) return {};
  return {reinterpret_cast<const char*>(column.buffers[2]->data()) + offsets[0],
          static_cast<size_t>(offsets[1] - offsets[0])};
}

/// The text of a value without quotes, or nothing where the value is nested or text of its own.
std::string ScalarText(const arrow::ArrayData& column, int64_t row) {
  switch (column.type->id()) {
    case Type::BOOL:
      return arrow::bit_util::GetBit(column.buffers[1]->data(), column.offset + row) ? "true" : "false";
    case Type::INT64:
      return std::to_string(column.GetValues<int64_t>(1)[row]);
    case Type::DOUBLE:
      return FormatDouble(column.GetValues<double>(1)[row]);
    case Type::TIMESTAMP:
      return FormatTimestamp(column.GetValues<int64_t>(1)[row]);
    case Type::DATE32:
      return FormatDate(column.GetValues<int32_t>(1)[row]);
    case Type::DECIMAL128: {
      const auto& type = static_cast<const arrow::DecimalType&>(*column.type);
      return arrow::Decimal128(column.GetValues<uint8_t>(1, 0) + (column.offset + row) * 16).ToString(type.scale());
    }
    case Type::BINARY:
      return arrow::util::base64_encode(TextAt(column, row));
    default:
      return column.type->ToString();
  }
}

void AppendItems(const arrow::ArrayData& column, int64_t row, std::string* out) {
  const int32_t* offsets = column.GetValues<int32_t>(1) + row;
  const bool is_map = column.type->id() == Type::MAP;
  const arrow::ArrayData& items = *column.child_data[0];
  out->push_back(is_map ? '{' : '[');
  for (int32_t i = offsets[0]; i < offsets[1]; ++i) {
    if (i > offsets[0]) *out += ", ";
    if (is_map) {
      const int64_t entry = items.offset + i;  // children of a struct keep its offset apart
      AppendJsonString(TextAt(*items.child_data[0], entry), out);
      *out += ": ";
      AppendJson(*items.child_data[1], entry, out);
    } else {
      AppendJson(items, i, out);
    }
  }
  out->push_back(is_map ? '}' : ']');
}

}  // namespace

void AppendJson(const arrow::ArrayData& column, int64_t row, std::string* out) {
  if (column.type->id() == Type::NA || column.IsNull(row)) {
    *out += "null";
    return;
  }
  switch (column.type->id()) {
    case Type::BOOL:
    case Type::INT64:
      *out += ScalarText(column, row);
      return;
    case Type::DOUBLE:
      if (std::isfinite(column.GetValues<double>(1)[row])) {
        *out += ScalarText(column, row);
      } else {
        AppendJsonString(ScalarText(column, row), out);
      }
      return;
    case Type::STRING:
      AppendJsonString(TextAt(column, row), out);
      return;
    case Type::DICTIONARY:
      AppendJson(*column.dictionary, column.GetValues<int32_t>(1)[row], out);
      return;
    case Type::LIST:
    case Type::MAP:
      AppendItems(column, row, out);
      return;
    case Type::STRUCT:
      out->push_back('{');
      for (int i = 0; i < column.type->num_fields(); ++i) {
        if (i > 0) *out += ", ";
        AppendJsonString(column.type->field(i)->name(), out);
        *out += ": ";
        AppendJson(*column.child_data[i], column.offset + row, out);
      }
      out->push_back('}');
      return;
    default:
      AppendJsonString(ScalarText(column, row), out);
  }
}

std::string RowToJson(const Batch& batch, int64_t row) {
  std::string out = "{";
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (batch.is_pruned(i)) continue;
    if (out.size() > 1) out += ", ";
    AppendJsonString(batch.schema()->field(i)->name(), &out);
    out += ": ";
    AppendJson(*batch.column(i), row, &out);
  }
  return out + "}";
}

namespace {

struct CodePoint {
  uint32_t value;
  size_t bytes;
};

CodePoint Decode(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  bytes = std::min(bytes, text.size() - at);
  uint32_t value = bytes == 1 ? lead : lead & (0xFFu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) value = value << 6 | (byte(at + i) & 0x3F);
  return {value, bytes};
}

/// Terminal columns of a code point: roughly wcwidth, without its tables.
int Width(uint32_t c) {
  if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F)) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
                    (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                    (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
  return wide ? 2 : 1;
}

int64_t TextWidth(std::string_view text) {
  int64_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = Decode(text, at);
    width += Width(c.value);
    at += c.bytes;
  }
  return width;
}

/// One line of at most `max_width`: control characters as pictures, the rest cut.
std::string CellText(std::string_view text, int64_t max_width) {
  std::string out;
  int64_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = Decode(text, at);
    if (width + Width(c.value) > max_width - (at + c.bytes < text.size())) return out + "…";
    if (c.value < 0x20) {
      out += c.value == '\n' ? "⏎" : c.value == '\t' ? "→" : "·";
    } else {
      out.append(text.substr(at, c.bytes));
    }
    width += Width(c.value);
    at += c.bytes;
  }
  return out;
}

std::string Cell(const Batch& batch, int column, int64_t row, int64_t max_width) {
  if (batch.is_pruned(column)) return "";
  const arrow::ArrayData& data = *batch.PlainColumn(column);
  if (data.type->id() == Type::NA || data.IsNull(row)) return "";
  switch (data.type->id()) {
    case Type::STRING:
      return CellText(TextAt(data, row), max_width);
    case Type::LIST:
    case Type::MAP:
    case Type::STRUCT: {
      std::string json;
      AppendJson(data, row, &json);
      return CellText(json, max_width);
    }
    default:
      return CellText(ScalarText(data, row), max_width);
  }
}

void AppendPadded(const std::string& text, int64_t width, bool right, bool last, std::string* out) {
  const std::string pad(std::max<int64_t>(0, width - TextWidth(text)), ' ');
  if (right) *out += pad;
  *out += text;
  if (!right && !last) *out += pad;
}

}  // namespace

std::string FormatTable(const SchemaPtr& schema, std::span<const Batch> batches, const TableOptions& options,
                        int64_t total_rows) {
  const int columns = schema->num_fields();
  std::vector<std::vector<std::string>> lines(1);
  std::vector<int64_t> widths;
  std::vector<bool> right;
  for (const auto& field : schema->fields()) {
    lines[0].push_back(CellText(field->name(), options.max_cell_width));
    widths.push_back(TextWidth(lines[0].back()));
    const Type::type id = field->type()->id();
    right.push_back(id == Type::INT64 || id == Type::DOUBLE || id == Type::DECIMAL128);
  }
  int64_t rows = 0;
  for (const Batch& batch : batches) {
    for (int64_t row = 0; row < batch.num_rows() && rows + row < options.max_rows; ++row) {
      std::vector<std::string> line;
      for (int i = 0; i < columns; ++i) {
        line.push_back(Cell(batch, i, row, options.max_cell_width));
        widths[i] = std::max(widths[i], TextWidth(line.back()));
      }
      lines.push_back(std::move(line));
    }
    rows += batch.num_rows();
  }
  std::string out;
  for (size_t line = 0; line < lines.size(); ++line) {
    for (int i = 0; i < columns; ++i) {
      if (i > 0) out += " | ";
      AppendPadded(lines[line][i], widths[i], right[i], i + 1 == columns, &out);
    }
    out += "\n";
    if (line > 0) continue;
    for (int i = 0; i < columns; ++i) out += (i > 0 ? "-+-" : "") + std::string(widths[i], '-');
    out += "\n";
  }
  if (total_rows < 0) total_rows = rows;
  const auto shown = static_cast<int64_t>(lines.size()) - 1;
  out += "(" + std::to_string(total_rows) + (total_rows == 1 ? " row" : " rows");
  if (shown < total_rows) out += ", the first " + std::to_string(shown) + " shown";
  return out + ")\n";
}

}  // namespace weir
