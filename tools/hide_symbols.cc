// hide_symbols LIB.so...: hides what the libraries of Arrow's wheel leak, in place. Give all the libraries together.
//
// libparquet exports a whole OpenSSL and libarrow_compute a whole RE2. Beside the system's libcrypto and libre2 in one
// process, calls then reach the wrong copy: wrong regular expressions, crashes. This tool sets STV_HIDDEN on every
// entry of .dynsym that is defined, not local, not Arrow's own, and not imported by a sibling among the arguments.
// The dynamic linker then skips the entry for everybody else and binds the library's own references to it. File sizes
// stay. tools/setup compiles and runs this before anything else of Weir is built, so it needs the standard library
// only.
#include <elf.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Library {
  std::string path;
  std::vector<char> bytes;
  std::vector<size_t> symbols;  // offsets of the .dynsym entries in bytes
  size_t names = 0;             // offset of their string table

  Elf64_Sym Symbol(size_t at) const {
    Elf64_Sym symbol;
    std::memcpy(&symbol, bytes.data() + at, sizeof symbol);
    return symbol;
  }
  std::string_view Name(const Elf64_Sym& symbol) const { return bytes.data() + names + symbol.st_name; }
};

bool Load(const char* path, Library* library) {
  std::ifstream file(path, std::ios::binary);
  library->path = path;
  library->bytes.assign(std::istreambuf_iterator<char>(file), {});
  const std::vector<char>& bytes = library->bytes;
  Elf64_Ehdr header;
  if (bytes.size() < sizeof header) return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) return false;
  if (header.e_shoff + size_t{header.e_shnum} * sizeof(Elf64_Shdr) > bytes.size()) return false;
  auto section = [&](size_t index) {
    Elf64_Shdr result;
    std::memcpy(&result, bytes.data() + header.e_shoff + index * sizeof result, sizeof result);
    return result;
  };
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr table = section(i);
    if (table.sh_type != SHT_DYNSYM) continue;
    if (table.sh_link >= header.e_shnum || table.sh_offset + table.sh_size > bytes.size()) return false;
    library->names = section(table.sh_link).sh_offset;
    for (size_t at = 0; at + sizeof(Elf64_Sym) <= table.sh_size; at += sizeof(Elf64_Sym)) {
      library->symbols.push_back(table.sh_offset + at);
    }
  }
  return !library->symbols.empty();
}

/// Arrow's and Parquet's own symbols, and the vague-linkage ones of libstdc++ that must stay one per process.
bool IsOurs(std::string_view name) {
  static constexpr std::array<std::string_view, 7> kStandard = {"_ZSt",   "_ZNSt",  "_ZNKSt",       "_ZTISt",
                                                                "_ZTSSt", "_ZTVSt", "_ZN9__gnu_cxx"};
  for (std::string_view prefix : kStandard) {
    if (name.substr(0, prefix.size()) == prefix) return true;
  }
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower.find("arrow") != std::string::npos || lower.find("parquet") != std::string::npos;
}

/// Names that other libraries among `all` import and do not define themselves.
std::set<std::string_view> NeededBySiblings(const std::vector<Library>& all, size_t self) {
  std::set<std::string_view> needed;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i == self) continue;
    for (size_t at : all[i].symbols) {
      const Elf64_Sym symbol = all[i].Symbol(at);
      if (symbol.st_shndx == SHN_UNDEF) needed.insert(all[i].Name(symbol));
    }
  }
  return needed;
}

bool Hide(Library* library, const std::set<std::string_view>& needed) {
  int hidden = 0, kept = 0;
  for (size_t at : library->symbols) {
    Elf64_Sym symbol = library->Symbol(at);
    const std::string_view name = library->Name(symbol);
    if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol.st_info) == STB_LOCAL || IsOurs(name)) continue;
    if (needed.count(name) > 0) {
      ++kept;
      continue;
    }
    symbol.st_other = static_cast<unsigned char>((symbol.st_other & ~3) | STV_HIDDEN);
    std::memcpy(library->bytes.data() + at, &symbol, sizeof symbol);
    ++hidden;
  }
  std::ofstream file(library->path, std::ios::binary | std::ios::trunc);
  file.write(library->bytes.data(), static_cast<std::streamsize>(library->bytes.size()));
  file.close();
  std::printf("%s: hid %d, kept for siblings %d\n", library->path.c_str(), hidden, kept);
  return file.good();
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Library> all(static_cast<size_t>(argc > 1 ? argc - 1 : 0));
  for (size_t i = 0; i < all.size(); ++i) {
    if (!Load(argv[i + 1], &all[i])) {
      std::fprintf(stderr, "hide_symbols: %s is not a 64-bit ELF library with dynamic symbols\n", argv[i + 1]);
      return 1;
    }
  }
  std::vector<std::set<std::string_view>> needed;
  for (size_t i = 0; i < all.size(); ++i) needed.push_back(NeededBySiblings(all, i));
  for (size_t i = 0; i < all.size(); ++i) {
    if (!Hide(&all[i], needed[i])) return 1;
  }
  return 0;
}
