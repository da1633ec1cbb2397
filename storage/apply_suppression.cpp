// Suppressions: what people say, what outcomes lead to, and lifting.
#include <algorithm>

#include "core/crypto.hpp"
#include "storage/apply.hpp"
#include "storage/domain_deliveries.hpp"
#include "storage/suppression_value.hpp"

namespace winnow::storage {
namespace {

/// Reasons that are about the person behind the mailbox, hence about all tags of it.
bool by_loose_form(SuppressionReason reason)
{
    return reason == SuppressionReason::complaint || reason == SuppressionReason::unsubscribe;
}

/// What a receiver made of mail, as opposed to what we asked and what people said.
bool is_refusal(const Evidence& evidence)
{
    return (evidence.kind == EvidenceKind::delivery || evidence.kind == EvidenceKind::report) &&
           evidence.klass != ReplyClass::delivered && evidence.klass != ReplyClass::complaint &&
           evidence.klass != ReplyClass::unsubscribe;
}

/// Words, rule and time are kept; without a class nothing follows from them, for whoever reads them later.
Evidence inconclusive(Evidence evidence)
{
    evidence.klass = ReplyClass::unknown;
    return evidence;
}

std::string describe(ScopeKind scope, SuppressionReason reason)
{
    return SuppressionHit{scope, reason, std::nullopt, false}.to_string();
}

Result<> check_scope(ScopeKind scope, const std::string& workspace, const std::string& list_id)
{
    WINNOW_CHECK(check_names({workspace, list_id}));
    if (scope == ScopeKind::list && list_id.empty())
        return Error(Errc::invalid_argument, "a suppression of list scope needs list_id");
    return {};
}

shape::SuppressionKey scoped(ScopeKind scope, const std::string& workspace, const std::string& list_id)
{
    shape::SuppressionKey key;
    key.scope = scope;
    if (scope != ScopeKind::global)
        key.workspace = workspace;
    if (scope == ScopeKind::list)
        key.list_id = list_id;
    return key;
}

Result<Address> read_address(const std::string& text)
{
    const ParsedAddress parsed = parse_address(text);
    if (!parsed.valid)
        return Error(Errc::invalid_argument, "the address of a suppression cannot be read: " + parsed.detail);
    return parsed.address;
}

}  // namespace

Address recipient_of(const MessageRecord& message)
{
    const ParsedAddress parsed = parse_address(message.recipient);
    if (parsed.valid)
        return parsed.address;
    Address address;
    const auto at = message.recipient.rfind('@');
    address.local = message.recipient.substr(0, at);
    address.domain = message.domain;
    return address;
}

/// The facts join what is known; the domain index and the sealed clear text go along.
Result<> Apply::add_fact(const shape::SuppressionKey& key, SuppressionFacts facts, const std::string& clear_text)
{
    const std::string name = key.str();
    if (facts.domain)
        store_.put(Family::suppression_domain, key.under_domain(*facts.domain), {});
    if (facts.facts.front().core.reason == SuppressionReason::erased)
        store_.erase(Family::clear_text, name);
    else if (!clear_text.empty())
        store_.put(Family::clear_text, name, crypto::seal(context_.keys.seal, clear_text, name, context_.rng));
    store_.merge(Family::suppression, name, encode(facts));
    return {};
}

Result<OpResult> Apply::operator()(AddSuppression& op)
{
    SuppressionEntry& entry = op.entry;
    WINNOW_CHECK(check_scope(entry.scope, entry.workspace, entry.list_id));
    shape::SuppressionKey key = scoped(entry.scope, entry.workspace, entry.list_id);

    SuppressionFacts::Fact fact;
    const TimePoint first = entry.first == TimePoint{} ? now_ : entry.first;
    fact.core = {entry.reason, first, std::max(first, entry.last), entry.expires, entry.strikes};
    fact.origin = entry.origin;
    fact.klass = entry.klass;
    fact.rule = std::move(entry.rule);
    fact.source_event = std::move(entry.source_event);
    fact.note = std::move(entry.note);
    if (!fact.note.empty()) {
        fact.noted = fact.core.last;
        fact.note_imported = entry.origin == SuppressionOrigin::import_;
    }
    fact.actor = std::move(entry.actor);
    fact.provider = std::move(entry.provider);

    SuppressionFacts facts;
    std::string clear_text;
    if (!entry.address.empty()) {
        WINNOW_TRY(const Address address, read_address(entry.address));
        const AddressDigester& digester = context_.digester;
        key.digest = by_loose_form(entry.reason) ? digester.loose(address) : digester.address(address);
        facts.domain = digester.domain(address.domain);
        clear_text = std::move(entry.address);
        if (entry.reason == SuppressionReason::erased) {
            // No form of the address stays readable under any entry of this scope.
            for (const H16& form : {digester.loose(address), digester.address(address)}) {
                shape::SuppressionKey other = key;
                other.digest = form;
                store_.erase(Family::clear_text, other.str());
            }
        }
    } else if (!entry.domain.empty()) {
        WINNOW_TRY(clear_text, to_ascii_domain(entry.domain));
        key.digest = context_.digester.domain(clear_text);
        facts.domain = key.digest;
        facts.whole_domain = true;
    } else if (entry.digest != H16{}) {
        key.digest = entry.digest;
    } else {
        return Error(Errc::invalid_argument, "a suppression needs an address, a domain or a digest");
    }

    // An import is one event of its importer, not one per entry; it also spares the read.
    if (entry.origin != SuppressionOrigin::import_) {
        WINNOW_TRY(const auto stored, store_.get(Family::suppression, key.str()));
        const auto known = stored ? decode<SuppressionFacts>(*stored) : Result<SuppressionFacts>(SuppressionFacts{});
        const bool repeated =
            known && std::any_of(known->facts.begin(), known->facts.end(), [&](const auto& other) {
                return other.core.reason == entry.reason && (!other.core.expires || *other.core.expires > now_);
            });
        if (!repeated) {
            EventRecord event;
            event.workspace = key.workspace;
            event.type = "suppression.added";
            event.list_id = key.list_id;
            event.address = key.digest;
            event.klass = fact.klass;
            event.detail = describe(key.scope, entry.reason);
            event.rule = fact.rule;
            WINNOW_CHECK(append(std::move(event)));
        }
    }
    facts.facts.push_back(std::move(fact));
    WINNOW_CHECK(add_fact(key, std::move(facts), clear_text));
    OpResult result;
    result.suppressed = entry.reason;
    return result;
}

/// True when there was an entry.
Result<bool> Apply::lift(const shape::SuppressionKey& key)
{
    const std::string name = key.str();
    WINNOW_TRY(auto bytes, store_.get(Family::suppression, name));
    if (!bytes)
        return false;
    const auto facts = decode<SuppressionFacts>(*bytes);
    if (facts && facts->domain)
        store_.erase(Family::suppression_domain, key.under_domain(*facts->domain));
    if (!facts)
        store_.put(Family::quarantine, shape::quarantine(Family::suppression, name), std::move(*bytes));
    store_.erase(Family::suppression, name);
    store_.erase(Family::clear_text, name);
    return true;
}

Result<OpResult> Apply::operator()(RemoveSuppression& op)
{
    WINNOW_CHECK(check_scope(op.scope, op.workspace, op.list_id));
    shape::SuppressionKey key = scoped(op.scope, op.workspace, op.list_id);
    OpResult result;
    if (!op.address.empty()) {
        WINNOW_TRY(const Address address, read_address(op.address));
        key.digest = context_.digester.loose(address);
        WINNOW_TRY(const bool loose, lift(key));
        key.digest = context_.digester.address(address);
        WINNOW_TRY(const bool exact, lift(key));
        result.removed = loose || exact;
        // Somebody vouches for the address: old strikes must not suppress it again at the next doubtful reply.
        store_.erase(Family::strike, shape::of_address(op.workspace, key.digest));
    } else {
        key.digest = op.digest;
        if (!op.domain.empty()) {
            WINNOW_TRY(const std::string domain, to_ascii_domain(op.domain));
            key.digest = context_.digester.domain(domain);
            store_.erase(Family::strike, shape::of_address(op.workspace, key.digest));
        }
        if (key.digest == H16{})
            return Error(Errc::invalid_argument, "lifting a suppression needs an address, a domain or a digest");
        WINNOW_TRY(result.removed, lift(key));
    }
    if (!result.removed)
        return result;
    EventRecord event;
    event.workspace = key.workspace;
    event.type = "suppression.removed";
    event.list_id = key.list_id;
    event.address = key.digest;
    event.detail = op.note;
    event.rule = op.actor;
    WINNOW_CHECK(append(std::move(event)));
    return result;
}

/// Takes out what outcomes said since `since`; true when that was something.
Result<bool> Apply::lift_outcome(const shape::SuppressionKey& key, TimePoint since)
{
    const std::string name = key.str();
    WINNOW_TRY(const auto bytes, store_.get(Family::suppression, name));
    if (!bytes)
        return false;
    auto facts = decode<SuppressionFacts>(*bytes);
    if (!facts)
        return false;  // it may be anything, an unsubscribe too
    const auto taken = std::erase_if(facts->facts, [since](const SuppressionFacts::Fact& fact) {
        return fact.origin == SuppressionOrigin::outcome && fact.core.first >= since;
    });
    if (taken == 0)
        return false;
    if (facts->facts.empty() && facts->damaged.empty())
        return lift(key);
    store_.put(Family::suppression, name, encode(*facts));
    return true;
}

/// Refusals since `since` stay as evidence from which nothing follows; a verdict that followed already is forgotten.
Result<> Apply::disregard_outcomes(const std::string& workspace, const H16& address, TimePoint since)
{
    const std::string name = shape::of_address(workspace, address);
    // Newest first: the range ends with the oldest one that counts.
    KeyRange range = KeyRange::prefix(name);
    range.upper = shape::evidence(workspace, address, since, 0);
    WINNOW_TRY(const auto entries, store_.entries(Family::evidence, range));
    for (const Overlay::Entry& entry : entries) {
        auto evidence = decode<Evidence>(entry.value);
        if (evidence && is_refusal(*evidence))
            store_.put(Family::evidence, entry.key, encode(inconclusive(std::move(*evidence))));
    }
    WINNOW_TRY(const auto cached, store_.get(Family::verdict, name));
    if (!cached)
        return {};
    const auto verdict = decode<VerdictRecord>(*cached);
    if (verdict && std::any_of(verdict->evidence.begin(), verdict->evidence.end(),
                               [since](const Evidence& step) { return is_refusal(step) && step.at >= since; }))
        store_.erase(Family::verdict, name);
    return {};
}

Result<OpResult> Apply::operator()(UndoOutcome& op)
{
    WINNOW_TRY(const auto message, load<StoredMessage>(Family::message, shape::message(op.ref)));
    OpResult result;
    result.message = op.ref;
    if (!message)
        return result;
    const MessageRecord& record = message->record;
    shape::SuppressionKey key = scoped(ScopeKind::workspace, record.workspace, {});
    key.digest = context_.digester.address(recipient_of(record));
    // Older strikes go too: which of them were the event's is not known, and the next real one counts again.
    store_.erase(Family::strike, shape::of_address(record.workspace, key.digest));
    WINNOW_CHECK(disregard_outcomes(record.workspace, key.digest, op.since));
    WINNOW_TRY(result.removed, lift_outcome(key, op.since));
    if (!result.removed)
        return result;
    EventRecord event;
    event.workspace = record.workspace;
    event.type = "suppression.removed";
    event.message_id = record.id;
    event.campaign = record.campaign;
    event.address = key.digest;
    event.detail = std::move(op.note);
    event.rule = std::move(op.actor);
    WINNOW_CHECK(append(std::move(event)));
    return result;
}

/// The domain took mail of ours.
Result<> Apply::note_delivery(const std::string& workspace, const std::string& domain, TimePoint at)
{
    const std::string key = shape::named(context_.digester.text("value", domain_delivery_key(workspace, domain)));
    WINNOW_TRY(const StoredValue known, load_or_restart<StoredValue>(Family::value, key));
    const TimePoint expires = at + delivery_memory;
    if (known.expires + delivery_renewal <= expires)
        store_.put(Family::value, key, encode(StoredValue{"1", expires}));
    return {};
}

/// Evidence, strikes and the suppression that follows from them, for the recipient of a message.
Result<std::optional<SuppressionReason>> Apply::learn(const MessageRecord& message, const Outcome& outcome)
{
    const Address recipient = recipient_of(message);
    const H16 digest = context_.digester.address(recipient);
    store_.put(Family::evidence, shape::evidence(message.workspace, digest, outcome.evidence.at, outcome.event),
               encode(outcome.frozen ? inconclusive(outcome.evidence) : outcome.evidence));
    if (outcome.frozen)
        return std::optional<SuppressionReason>();
    if (outcome.evidence.kind == EvidenceKind::delivery && outcome.evidence.klass == ReplyClass::delivered) {
        WINNOW_CHECK(note_delivery(message.workspace, recipient.domain, outcome.evidence.at));
    }

    WINNOW_TRY(const auto of_domain, strike_domain(message, context_.digester.domain(recipient.domain), outcome));
    if (of_domain) {
        WINNOW_CHECK(suppress(message, recipient, true, *of_domain, outcome));
    }
    WINNOW_TRY(const auto of_address, strike_address(message, digest, outcome));
    if (of_address) {
        WINNOW_CHECK(suppress(message, recipient, false, *of_address, outcome));
        return std::optional(of_address->reason);
    }
    return of_domain ? std::optional(of_domain->reason) : std::nullopt;
}

Result<std::optional<NewSuppression>> Apply::strike_address(const MessageRecord& message, const H16& digest,
                                                            const Outcome& outcome)
{
    const std::string key = shape::of_address(message.workspace, digest);
    WINNOW_TRY(const StrikeState prior, load_or_restart<StrikeState>(Family::strike, key));
    StrikeResult result = apply_outcome(prior, outcome.strike, context_.suppression);
    if (result.state == StrikeState{} && prior != StrikeState{})
        store_.erase(Family::strike, key);
    else if (result.state != prior)
        store_.put(Family::strike, key, encode(result.state));
    return std::move(result.suppression);
}

Result<std::optional<NewSuppression>> Apply::strike_domain(const MessageRecord& message, const H16& domain,
                                                           const Outcome& outcome)
{
    if (outcome.strike.klass != ReplyClass::delivered && outcome.strike.klass != ReplyClass::domain_invalid)
        return std::optional<NewSuppression>();
    const std::string key = shape::of_address(message.workspace, domain);
    WINNOW_TRY(const auto prior, load_or_restart<StrikeState::Count>(Family::strike, key));
    DomainStrikeResult result = apply_domain_outcome(prior, outcome.strike, context_.suppression);
    if (result.state == StrikeState::Count{} && prior != StrikeState::Count{})
        store_.erase(Family::strike, key);
    else if (result.state != prior)
        store_.put(Family::strike, key, encode(result.state));
    return std::move(result.suppression);
}

Result<> Apply::suppress(const MessageRecord& message, const Address& recipient, bool whole_domain,
                         const NewSuppression& made, const Outcome& outcome)
{
    // An unsubscribe from a message that belongs to no list holds for the workspace: too much rather than too little.
    const ScopeKind scope =
        made.scope == ScopeKind::list && message.list_id.empty() ? ScopeKind::workspace : made.scope;
    shape::SuppressionKey key = scoped(scope, message.workspace, message.list_id);
    const H16 domain = context_.digester.domain(recipient.domain);
    if (whole_domain)
        key.digest = domain;
    else
        key.digest =
            by_loose_form(made.reason) ? context_.digester.loose(recipient) : context_.digester.address(recipient);

    SuppressionFacts::Fact fact;
    fact.core = {made.reason, outcome.strike.at, outcome.strike.at, made.expires, made.strikes};
    fact.origin = outcome.origin;
    fact.klass = outcome.strike.klass;
    fact.rule = outcome.evidence.rule;
    fact.source_event = message.id;
    fact.provider = outcome.provider;
    SuppressionFacts facts;
    facts.domain = domain;
    facts.whole_domain = whole_domain;
    facts.facts.push_back(std::move(fact));
    WINNOW_CHECK(add_fact(key, std::move(facts), whole_domain ? recipient.domain : recipient.to_string()));

    EventRecord event;
    event.workspace = key.workspace;
    event.type = "suppression.added";
    event.message_id = message.id;
    event.campaign = message.campaign;
    event.list_id = key.list_id;
    event.address = key.digest;
    event.klass = outcome.strike.klass;
    event.detail = describe(scope, made.reason);
    event.rule = outcome.evidence.rule;
    WINNOW_CHECK(append(std::move(event)));
    return {};
}

}  // namespace winnow::storage
