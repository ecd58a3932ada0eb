// Signatures against AWS's published examples, SHA-256 against FIPS 180-4 and its two implementations against each
// other.
#include "net/aws_signature.h"

#include <gtest/gtest.h>

#include <random>

#include "net/sha256.h"

namespace weir {
namespace {

TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(HexOf(Sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HexOf(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexOf(Sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, IsTheSameWithAndWithoutInstructions) {
  std::mt19937 random(20260301);
  for (size_t size = 0; size < 300; ++size) {
    std::string data(size, '\0');
    for (char& c : data) c = static_cast<char>(random());
    EXPECT_EQ(HexOf(Sha256(data)), HexOf(internal::PortableSha256(data))) << size;
  }
}

// RFC 4231, cases 1, 2 and 6 (a key that is longer than a block).
TEST(Sha256, AuthenticatesWithKeys) {
  EXPECT_EQ(HexOf(HmacSha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(HexOf(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexOf(HmacSha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

std::string_view Header(const HttpCall& call, std::string_view name) {
  for (const auto& [key, value] : call.headers) {
    if (key == name) return value;
  }
  return {};
}

const AwsCredentials kExampleKeys{"AKIAIOSFODNN7EXAMPLE",
                                  Secret<std::string>("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), ""};
constexpr EventTime kExampleTimeUs = 1'369'353'600'000'000;  // 2013-05-24T00:00:00Z

// "Authenticating Requests: Using the Authorization Header", example "GET Bucket (List Objects)".
TEST(AwsSignature, SignsAsTheS3Documentation) {
  HttpCall call{"GET", "https://examplebucket.s3.amazonaws.com/?prefix=J&max-keys=2", {}, ""};
  SignAwsRequest(kExampleKeys, {"us-east-1", "s3"}, kExampleTimeUs, &call);
  EXPECT_EQ(Header(call, "x-amz-date"), "20130524T000000Z");
  EXPECT_EQ(Header(call, "Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
            "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

// The example "GET Bucket Lifecycle": a parameter without a value.
TEST(AwsSignature, GivesParametersWithoutValueAnEqualsSign) {
  HttpCall call{"GET", "https://examplebucket.s3.amazonaws.com/?lifecycle", {}, ""};
  SignAwsRequest(kExampleKeys, {"us-east-1", "s3"}, kExampleTimeUs, &call);
  EXPECT_TRUE(Header(call, "Authorization")
                  .ends_with("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(AwsSignature, DependsOnBodyTokenAndPort) {
  const auto sign = [](const std::string& url, std::string_view body, const std::string& token) {
    HttpCall call{"PUT", url, {}, body};
    AwsCredentials keys = kExampleKeys;
    keys.session_token = token;
    SignAwsRequest(keys, {"us-east-1", "s3"}, kExampleTimeUs, &call);
    return std::string(Header(call, "Authorization"));
  };
  const std::string plain = sign("http://h:9000/b/k", "x", "");
  EXPECT_NE(plain, sign("http://h:9000/b/k", "y", ""));
  EXPECT_NE(plain, sign("http://h:9001/b/k", "x", ""));
  EXPECT_NE(plain, sign("http://h:9000/b/k", "x", "t"));
  EXPECT_EQ(sign("http://h:80/b/k", "x", ""), sign("http://h/b/k", "x", ""));
}

TEST(AwsSignature, EncodesWhatIsNotPlain) {
  EXPECT_EQ(AwsEncode("a/b c+~é"), "a%2Fb%20c%2B~%C3%A9");
  EXPECT_EQ(AwsEncode("a/b=c", /*keep_slash=*/true), "a/b%3Dc");
}

}  // namespace
}  // namespace weir
