#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "tests/fuzz/fuzz.hpp"

// The targets without a fuzzer: every seed, then mutations of them, the same ones each time.
//   NAME_fuzz FOLDER [MUTATIONS]   or   NAME_fuzz FILE...   to see what one input does

namespace {

std::string read_file(const std::filesystem::path& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

const std::string* current = nullptr;  ///< what the target is reading, for the signal handler

/// Leaves the input of a crash where the test ran, as fuzzers do. Only what a signal handler may call.
void save_input(int signal)
{
    const int file = ::open("crashing-input", O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (file >= 0 && current && ::write(file, current->data(), current->size()) >= 0)
        (void)::close(file);
    std::signal(signal, SIG_DFL);
    (void)std::raise(signal);
}

void feed(const std::string& input)
{
    current = &input;
    (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

/// One to eight small damages: an octet changed, a piece removed, doubled, or taken from another seed.
std::string mutated(std::string input, const std::vector<std::string>& seeds, winnow::Rng& rng)
{
    constexpr std::size_t max_size = 4'096;
    const std::string interesting("\x00\x01\x7f\x80\xff\r\n\"%{}<>@.:;,\\ ", 21);
    const auto damages = 1 + rng.below(8);
    for (std::uint64_t i = 0; i < damages; ++i) {
        const std::size_t at = rng.below(input.size() + 1);
        const std::size_t length = std::min<std::size_t>(1 + rng.below(16), input.size() - at);
        switch (rng.below(6)) {
            case 0:
                if (at < input.size())
                    input[at] = static_cast<char>(rng.below(256));
                break;
            case 1:
                input.insert(at, 1, interesting[rng.below(interesting.size())]);
                break;
            case 2:
                input.erase(at, length);
                break;
            case 3:
                input.insert(at, input.substr(at, length));
                break;
            case 4: {
                const std::string& other = seeds[rng.below(seeds.size())];
                const std::size_t from = rng.below(other.size() + 1);
                input.insert(at, other.substr(from, 1 + rng.below(64)));
                break;
            }
            default:
                if (at < input.size())
                    input[at] = static_cast<char>(input[at] ^ static_cast<char>(1u << rng.below(8)));
                break;
        }
        if (input.size() > max_size)
            input.resize(max_size);
    }
    return input;
}

}  // namespace

int main(int argc, char** argv)
{
    namespace fs = std::filesystem;
    if (argc < 2 || !fs::exists(argv[1])) {
        std::fprintf(stderr, "usage: %s SEED_FOLDER [MUTATIONS] | FILE...\n", argv[0]);
        return 2;
    }
    std::signal(SIGABRT, save_input);
    std::signal(SIGSEGV, save_input);
    if (!fs::is_directory(argv[1])) {
        for (int i = 1; i < argc; ++i)
            feed(read_file(argv[i]));
        return 0;
    }
    std::vector<fs::path> files(fs::directory_iterator(argv[1]), fs::directory_iterator{});
    std::sort(files.begin(), files.end());
    std::vector<std::string> seeds{{}};
    for (const auto& file : files)
        seeds.push_back(read_file(file));
    for (const auto& seed : seeds)
        feed(seed);
    const long mutations = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 2'000;
    winnow::SeededRng rng(1);
    for (long i = 0; i < mutations; ++i)
        feed(mutated(seeds[rng.below(seeds.size())], seeds, rng));
    std::printf("%zu seeds, %ld mutations\n", seeds.size(), mutations);
    return 0;
}
