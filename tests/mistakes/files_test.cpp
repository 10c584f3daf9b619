// Mistakes with files: checkpoints and data sets that are missing, cut or something else.
#include <downhill/data.h>

#include "data/files.h"
#include "mistakes/mistakes.h"

using namespace downhill;
using namespace mistakes;

namespace {

/// Rows that read one file.
Row reading(std::string mistake, Tensor (*read)(const std::string&), const std::string& path,
            std::string message) {
  return {std::move(mistake), {}, [=](In) { read(path); }, std::move(message)};
}
Tensor load_one(const std::string& path) { return load(path).begin()->second; }

std::string safetensors(const std::string& header, std::size_t data_bytes) {
  std::string length(8, '\0');
  length[0] = static_cast<char>(header.size());
  return length + header + std::string(data_bytes, '\0');
}

/// uint8 [2, 3] as an IDX file.
std::string idx_file() { return std::string("\0\0\10\2\0\0\0\2\0\0\0\3", 12) + "abcdef"; }

}  // namespace

TEST_CASE("checkpoints that cannot be read") {
  const TemporaryFolder folder;
  const auto file = [&](const char* name, const std::string& bytes) {
    write_file(folder / name, bytes);
    return folder / name;
  };
  const std::string head = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const std::string half = R"({"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})";
  const std::string pickle = std::string("PK\3\4\0\0\10\10", 8) + "archive/data.pkl";
  check_rows(
      {
          reading("a file that is not there", load_one, folder / "none",
                  "load: cannot open 'FOLDER/none': No such file or directory"),
          reading("a folder", load_one, folder.path(), "load: 'FOLDER' is not a file"),
          reading("an empty file", load_one, file("empty", ""),
                  "load: 'FOLDER/empty' is truncated: 0 bytes, no header length"),
          reading("a file of PyTorch's own format", load_one, file("net.pt", pickle),
                  "load: 'FOLDER/net.pt' is a zip archive, as torch.save writes them, not a "
                  "safetensors file"),
          reading("a download that ended early", load_one, file("cut", safetensors(head, 5)),
                  "load: 'FOLDER/cut' is truncated: its tensors have 8 bytes, 5 are there"),
          reading(
              "a text file", load_one, file("text", "weights: 1, 2"),
              "load: 'FOLDER/text': a header of 4211838068281927031 bytes, at most 100000000 are "
              "allowed; is it a safetensors file?"),
          reading("half-precision numbers", load_one, file("half", safetensors(half, 4)),
                  "load: 'FOLDER/half': 'w' has the unknown dtype \"F16\" (known: F32 F64 I64 I32 "
                  "U8 BOOL)"),
      },
      folder.path());
}

TEST_CASE("checkpoints that cannot be written leave the old one") {
  const TemporaryFolder folder;
  const std::string path = folder / "net.safetensors";
  const Tensor w = randn({2});
  save(StateDict{{"w", w}}, path);
  std::filesystem::create_directory(folder / "folder");
  const auto on_disk = [path] { return load(path); };
  check_rows(
      {
          {"a folder that is not there",
           {w},
           [&](In x) {
             save(StateDict{{"w", x[0]}}, folder / "none/x");
           },
           "save: cannot write 'FOLDER/none/x': No such file or directory",
           on_disk},
          {"a folder's name",
           {w},
           [&](In x) {
             save(StateDict{{"w", x[0]}}, folder / "folder");
           },
           "save: cannot write 'FOLDER/folder': Is a directory",
           on_disk},
          {"a tensor that was never given a value",
           {w},
           [&](In x) {
             save(StateDict{{"w", x[0]}, {"b", Tensor()}}, path);
           },
           "save: 'FOLDER/net.safetensors': 'b' is undefined",
           on_disk},
          {"a reserved name",
           {w},
           [&](In x) {
             save(StateDict{{"__metadata__", x[0]}}, path);
           },
           "save: 'FOLDER/net.safetensors': __metadata__ is no name for a tensor",
           on_disk},
      },
      folder.path());
  CHECK(folder.file_count() == 2);
}

TEST_CASE("IDX files and data sets that cannot be read") {
  const TemporaryFolder folder;
  const auto file = [&](const char* name, const std::string& bytes) {
    write_file(folder / name, bytes);
    return folder / name;
  };
  const std::string whole = idx_file(), gzip("\x1f\x8b\x08\0\0\0\0\0\0\3", 10);
  const auto set = [&](bool train) {
    return [&, train](In) { data::fashion_mnist({.train = train, .root = folder.path()}); };
  };
  file("t10k-images-idx3-ubyte", whole), file("t10k-labels-idx1-ubyte", whole);
  check_rows(
      {
          reading("a file that is not there", data::idx, folder / "none",
                  "idx: cannot open 'FOLDER/none': No such file or directory"),
          reading("a folder", data::idx, folder.path(),
                  "idx: cannot read 'FOLDER': Is a directory"),
          reading("an empty file", data::idx, file("empty", ""),
                  "idx: 'FOLDER/empty' is truncated: its magic number needs 4 bytes, 0 are there"),
          reading("a picture", data::idx, file("picture", "\x89PNG...."),
                  "idx: 'FOLDER/picture': wrong magic number 89 50 4e 47 (expected 00 00, a type "
                  "of 08, 0c, 0d or 0e, and the number of dimensions)"),
          reading("a download that ended early", data::idx, file("cut", whole.substr(0, 15)),
                  "idx: 'FOLDER/cut' is truncated: shape [2, 3] needs 6 bytes of data"),
          reading("more than the sizes say", data::idx, file("long", whole + "x"),
                  "idx: 'FOLDER/long' has bytes after its data (shape [2, 3])"),
          reading("a compressed download that ended early", data::idx, file("cut.gz", gzip),
                  "idx: 'FOLDER/cut.gz' is truncated: its gzip data end early"),
          {"a folder without the data set",
           {},
           set(true),
           "fashion_mnist: no file train-images-idx3-ubyte or train-images-idx3-ubyte.gz in FOLDER "
           "(apt install dataset-fashion-mnist, or set DOWNHILL_DATA or the option root to its "
           "folder)"},
          {"files of something else",
           {},
           set(false),
           "fashion_mnist: 'FOLDER/t10k-images-idx3-ubyte' holds no images (shape [2, 3], uint8; "
           "expected [N, height, width], uint8)"},
      },
      folder.path());
}
