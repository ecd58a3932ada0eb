// Searching for tags; entities.
#include "net/xml_scan.h"

#include <cstdint>

namespace weir {
namespace {

void AppendUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    *out += static_cast<char>(code);
  } else if (code < 0x800) {
    out->append({static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))});
  } else if (code < 0x10000) {
    out->append({static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
                 static_cast<char>(0x80 | (code & 0x3F))});
  } else {
    out->append({static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
                 static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))});
  }
}

/// The character of "#38" or "#x26"; 0 where it is none.
uint32_t CharacterCode(std::string_view name) {
  const bool hex = name.size() > 2 && (name[1] == 'x' || name[1] == 'X');
  uint32_t code = 0;
  for (const char c : name.substr(hex ? 2 : 1)) {
    const bool digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!digit && !(hex && lower >= 'a' && lower <= 'f')) return 0;
    code = code * (hex ? 16 : 10) + static_cast<uint32_t>(digit ? c - '0' : lower - 'a' + 10);
    if (code > 0x10FFFF) return 0;
  }
  return code;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t end = text[i] == '&' ? text.find(';', i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += text[i];
      continue;
    }
    const std::string_view name = text.substr(i + 1, end - i - 1);
    const uint32_t code = name == "amp"           ? '&'
                          : name == "lt"          ? '<'
                          : name == "gt"          ? '>'
                          : name == "quot"        ? '"'
                          : name == "apos"        ? '\''
                          : name.starts_with('#') ? CharacterCode(name)
                                                  : 0;
    if (code == 0) {
      out += '&';
      continue;
    }
    AppendUtf8(code, &out);
    i = end;
  }
  return out;
}

}  // namespace

std::optional<std::string_view> NextXmlElement(std::string_view xml, std::string_view tag, size_t* from) {
  const std::string open = "<" + std::string(tag), close = "</" + std::string(tag) + ">";
  for (size_t at = xml.find(open, *from); at != std::string_view::npos; at = xml.find(open, at + 1)) {
    const size_t behind = at + open.size();
    if (behind >= xml.size() || (xml[behind] != '>' && xml[behind] != ' ' && xml[behind] != '/')) continue;
    const size_t begin = xml.find('>', behind);
    if (begin == std::string_view::npos) break;
    if (xml[begin - 1] == '/') {
      *from = begin + 1;
      return std::string_view();
    }
    const size_t end = xml.find(close, begin);
    if (end == std::string_view::npos) break;
    *from = end + close.size();
    return xml.substr(begin + 1, end - begin - 1);
  }
  return std::nullopt;
}

std::string XmlText(std::string_view xml, std::string_view tag) {
  size_t from = 0;
  const auto text = NextXmlElement(xml, tag, &from);
  return text ? Unescape(*text) : "";
}

std::string XmlEscape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace weir
