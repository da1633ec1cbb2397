#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <unordered_map>

#include "core/address.hpp"
#include "storage/keys.hpp"

namespace winnow::verifier {

/// Which rows of a list are the same mailbox (by canonical-v1, core/address.hpp) and which may be the same person (by
/// the loose form). The second decides about no verdict: whether "jane+news" and "jane" are one mailbox only their
/// receiver knows. Texts that are no address are compared as they are. Holds 16 octets and two row numbers for each
/// mailbox, and as much for the loose form of one that has another.
class Duplicates {
public:
    struct Found {
        std::uint64_t duplicate_of = 0;  ///< first row with this mailbox; 0 = this is the first
        std::uint64_t person = 0;        ///< first row with this loose form when it is another mailbox; 0 = none
        bool was_alone = false;          ///< `person` had one address until now
    };

    /// `digester` outlives this.
    explicit Duplicates(const storage::AddressDigester& digester) : digester_(digester) {}

    /// What the rows before this one say of it; each row is shown once. `row` > 0.
    Found show(const std::string& address, std::uint64_t row)
    {
        const ParsedAddress parsed = parse_address(address);
        const std::string mailbox = parsed.valid ? canonical_v1(parsed.address) : address;
        Seen& own = seen_[digester_.text(parsed.valid ? "mailbox" : "unreadable", mailbox)];
        if (own.row != 0)
            return {own.row, 0, false};
        own.row = row;
        if (!parsed.valid)
            return {};
        const std::string loose = loose_form(parsed.address);
        Seen& person = loose == mailbox ? own : seen_[digester_.text("mailbox", loose)];
        if (person.of_person == 0) {
            person.of_person = row;
            return {};
        }
        const bool was_alone = !person.is_shared;
        person.is_shared = true;
        return {0, person.of_person, was_alone};
    }

private:
    struct Seen {
        std::uint64_t row = 0;  ///< first of the mailbox; 0 = known as a loose form only
        std::uint64_t of_person : 63 = 0;
        std::uint64_t is_shared : 1 = 0;
    };
    struct DigestHash {
        std::size_t operator()(const storage::H16& digest) const noexcept
        {
            std::size_t start = 0;
            std::memcpy(&start, digest.bytes.data(), sizeof start);
            return start;
        }
    };

    const storage::AddressDigester& digester_;
    std::unordered_map<storage::H16, Seen, DigestHash> seen_;
};

}  // namespace winnow::verifier
