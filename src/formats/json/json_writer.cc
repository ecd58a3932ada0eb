// Rows from printers of columns.
#include "formats/json/json_writer.h"

#include <arrow/type.h>

namespace weir {

JsonWriter::JsonWriter(SchemaPtr schema, JsonForm form) : schema_(std::move(schema)), form_(form) {
  for (const auto& field : schema_->fields()) {
    const std::string& name = field->name();
    std::string key(6 * name.size() + 48, '\0');
    char* to = key.data();
    if (keys_.empty()) {
      if (form_ == JsonForm::kArray) {
        *to++ = ',';
        *to++ = '\n';
      }
      *to++ = '{';
    } else {
      *to++ = ',';
    }
    to = PrintJsonString({name.data(), static_cast<int64_t>(name.size())}, to);
    *to++ = ':';
    key.resize(to - key.data());
    keys_.push_back(std::move(key));
  }
  if (keys_.empty()) keys_.push_back(form_ == JsonForm::kArray ? ",\n{" : "{");
  printers_.resize(schema_->num_fields());
}

Status JsonWriter::Write(const Batch& batch, TextOutput* out) {
  for (size_t i = 0; i < printers_.size(); ++i)
    WEIR_RETURN_NOT_OK(printers_[i].Bind(batch.column(static_cast<int>(i))));
  const std::string_view end = form_ == JsonForm::kArray ? "}" : "}\n";
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    for (size_t i = 0; i < keys_.size(); ++i) {
      out->Append(keys_[i]);
      if (i < printers_.size()) printers_[i].Print(row, out);
    }
    out->Append(end);
  }
  return Status::OK();
}

}  // namespace weir
