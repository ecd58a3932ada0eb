// Text files of known content: the large CSV for runs beyond memory, words to count, temperatures to average.
#include <cmath>
#include <vector>

#include "data/files.h"

namespace weir::bench {
namespace {

/// A fixed permutation of [0, 2^bits): a few rounds of a balanced Feistel network over `bits` bits.
class Permutation {
 public:
  explicit Permutation(int64_t size) : size_(static_cast<uint64_t>(size)) {
    while ((uint64_t{1} << (2 * half_bits_)) < size_) ++half_bits_;
  }
  /// The image of `x` in [0, size): values outside are walked through until one falls inside.
  int64_t operator()(int64_t x) const {
    auto value = static_cast<uint64_t>(x);
    do value = Rounds(value);
    while (value >= size_);
    return static_cast<int64_t>(value);
  }

 private:
  uint64_t Rounds(uint64_t x) const {
    uint64_t mask = (uint64_t{1} << half_bits_) - 1, left = x >> half_bits_, right = x & mask;
    for (uint64_t round = 0; round < 4; ++round) {
      uint64_t next = left ^ (Mix(right * 4 + round) & mask);
      left = right;
      right = next;
    }
    return left << half_bits_ | right;
  }

  uint64_t size_;
  int half_bits_ = 1;
};

std::string Word(uint64_t number) {
  std::string word;
  uint64_t bits = Mix(number);
  for (uint64_t length = 2 + bits % 9; word.size() < length; bits = bits / 26 + 0x123456789ULL * word.size()) {
    word.push_back(static_cast<char>('a' + bits % 26));
  }
  // The number in base 26 keeps words apart.
  for (uint64_t rest = number; rest > 0; rest /= 26) word.push_back(static_cast<char>('a' + rest % 26));
  return word;
}

}  // namespace

Status WriteBig(const std::string& folder, int64_t rows) {
  int64_t keys = rows / 2;
  WEIR_ASSIGN_OR_RETURN(TextFile big, TextFile::Open(folder + "/big.csv"));
  big << "id,key,amount,kind,note\n";
  Permutation ids(rows), order(keys);
  for (int64_t row = 0; row < keys * 2; ++row) {
    int64_t id = ids(row), key = id % keys;
    uint64_t bits = Mix(static_cast<uint64_t>(id));
    uint64_t letters[2] = {bits, Mix(bits)};
    char note[18];
    for (int i = 0; i < 18; ++i) note[i] = static_cast<char>('a' + ((letters[i / 9] >> (5 * (i % 9))) & 31) % 26);
    big << id << ',' << key << ',' << static_cast<int64_t>(bits % 100'000) << ",kind-"
        << static_cast<int64_t>(bits >> 57) << ',' << std::string_view(note, sizeof(note)) << '\n';
    WEIR_RETURN_NOT_OK(big.FlushIfFull());
  }
  WEIR_RETURN_NOT_OK(big.Close());
  WEIR_ASSIGN_OR_RETURN(TextFile labels, TextFile::Open(folder + "/keys.csv"));
  labels << "key,label\n";
  for (int64_t row = 0; row < keys; ++row) {
    int64_t key = order(row);
    if (key % 5 != 0) continue;
    labels << key << ",label-" << key % 1'000 << '\n';
    WEIR_RETURN_NOT_OK(labels.FlushIfFull());
  }
  return labels.Close();
}

Status WriteWords(const std::string& folder, int64_t words) {
  constexpr uint64_t kVocabulary = 100'000;
  std::vector<std::string> vocabulary;
  for (uint64_t i = 0; i < kVocabulary; ++i) vocabulary.push_back(Word(i));
  WEIR_ASSIGN_OR_RETURN(TextFile file, TextFile::Open(folder + "/words.txt"));
  for (int64_t i = 0; i < words; ++i) {
    // The rank is log-uniform: its frequency falls as 1 / rank.
    double uniform = static_cast<double>(Mix(static_cast<uint64_t>(i)) >> 11) * 0x1.0p-53;
    auto rank = static_cast<uint64_t>(std::exp(uniform * std::log(static_cast<double>(kVocabulary))));
    file << vocabulary[rank - 1 < kVocabulary ? rank - 1 : 0] << (i % 10 == 9 ? '\n' : ' ');
    WEIR_RETURN_NOT_OK(file.FlushIfFull());
  }
  return file.Close();
}

Status WriteStations(const std::string& folder, int64_t rows) {
  constexpr uint64_t kStations = 413;
  std::vector<std::string> names;
  for (uint64_t i = 0; i < kStations; ++i) {
    names.push_back(Word(i * 7919 + 1));
    names.back()[0] = static_cast<char>(names.back()[0] - 'a' + 'A');
  }
  WEIR_ASSIGN_OR_RETURN(TextFile file, TextFile::Open(folder + "/stations.csv"));
  for (int64_t i = 0; i < rows; ++i) {
    uint64_t bits = Mix(static_cast<uint64_t>(i)), station = (bits >> 40) % kStations;
    // Tenths of a degree: a mean of the station's own, and the sum of two uniform draws around it.
    int64_t tenths = static_cast<int64_t>(Mix(station) % 400) - 100 + static_cast<int64_t>(bits % 200) +
                     static_cast<int64_t>((bits >> 20) % 200) - 200;
    file << names[station] << ';';
    if (tenths < 0) file << '-';
    file << std::abs(tenths) / 10 << '.' << std::abs(tenths) % 10 << '\n';
    WEIR_RETURN_NOT_OK(file.FlushIfFull());
  }
  return file.Close();
}

}  // namespace weir::bench
