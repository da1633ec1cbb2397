#include "core/rule_text.hpp"

#include <utility>

namespace winnow {
namespace {

using Text = std::pair<std::string_view, std::string_view>;

constexpr Text texts[] = {
    {"syntax:ok", "a valid address that hosts on the internet take mail for"},
    {"list:typo", "the domain looks like a well-known one, mistyped; a remark, not a reason"},
    {"list:disposable", "the domain is on the precise list of disposable domains"},
    {"route.mx", "the domain has mail hosts"},
    {"route.implicit_mx", "without an MX record the domain's own address takes mail (RFC 5321 section 5.1)"},
    {"route.literal", "the address names the host itself"},
    {"route.null_mx", "a null MX: the domain says that it takes no mail (RFC 7505)"},
    {"route.no_mail", "neither MX nor address records, of two DNS servers"},
    {"route.mx_without_address", "no mail host has an address"},
    {"route.mx_is_address", "an MX must name a host; this one is passed over"},
    {"route.nxdomain", "the domain does not exist, of two DNS servers"},
    {"route.nxdomain_unconfirmed", "only one DNS server denies the domain: that says nothing yet"},
    {"route.no_mail_unconfirmed", "only one DNS server denies the mail hosts: that says nothing yet"},
    {"route.dns_failure", "the DNS gave no answer: that says nothing about the domain"},
    {"route.refused_target", "our own guard: no connection to loopback, private or own addresses"},
    {"policy.spf", "who may send for the domain, as it publishes; a remark, not a reason"},
    {"policy.dmarc", "what the domain asks for mail in its name; a remark, not a reason"},
    {"policy.mta_sts", "whether the domain asks for TLS; a remark, not a reason"},
    {"site:dead_hosts", "no mail host answered a moment ago; none is asked again yet"},
    {"site:no_host", "there was no mail host to ask"},
    {"eai:no_smtputf8", "the address needs SMTPUTF8, which the mail host does not offer"},
    {"edge:another_accepted", "the receiver's edge lets others of the domain in: who is refused does not exist"},
    {"edge:postmaster_accepted", "the receiver's edge lets the postmaster in: who is refused does not exist"},
    {"edge:undecided", "the receiver's edge may refuse everybody of the domain: that says nothing"},
    {"provider:parked", "the provider takes mail for unused domains: an acceptance proves nothing"},
    {"provider:forwarding", "the provider passes mail on: it knows the address, not the mailbox behind it"},
    {"provider:accepts_all", "the provider accepts first and refuses later: an acceptance proves nothing"},
    {"learnt:accepts_then_rejects", "own mail was accepted there and refused later: an acceptance proves nothing"},
    {"budget:not_reached", "its turn did not come: manners, deadline, or nobody waited for it any more"},
    {"identity:missing", "mailboxes are asked only when receivers can see who asks"},
    {"prober:unhealthy", "the self-test failed: nothing that is heard now says anything about an address"},
    {"provider:own_domain", "a mailbox provider's own domain refuses mailboxes that it does not have"},
    {"history:sorted_domain", "own mail was taken by a domain that refuses mailboxes that it does not have"},
    {"history:not_returned", "own mail was taken by a domain that takes everybody's, and none came back for 72 hours"},
    {"history:may_return", "own mail was taken by a domain that takes everybody's: it may still come back"},
    {"history:returned", "own mail was taken by a domain that takes everybody's, and came back"},
    {"history:untested_domain", "own mail was taken; whether the domain takes everybody's is not known"},
    {"breaker:open", "the operator refused our address: it is left alone for a while"},
    {"suppression:not_asked", "nothing will be sent to it, so a probe would only cost"},
    {"deadline:check", "no answer within the time that was given"},
    {"risk:never_probes", "only what is stored was asked for"},
    {"no-rule", "no row reads these words, and no code tells what they are"},
    {"code:2xx", "accepted"},
    {"code:positive", "a positive reply"},
    {"code:4xx", "no row reads these words: a deferral says nothing about the address"},
    {"code:5xx", "no row reads these words: unknown words never make an address dead"},
    {"code:dialogue", "500 to 504 are about the dialogue: they say nothing about the address, whatever the words"},
    {"code:no_answer",
     "RCPT is accepted by 250, 251 or 252 without a status code that says no: this is no answer to it"},
    {"stage:banner", "refused before anything was said: it is us they do not want"},
    {"stage:ehlo", "refused at EHLO: it is us they do not want"},
    {"stage:starttls", "TLS did not come about"},
    {"stage:auth", "refused at AUTH"},
    {"stage:mail", "refused at MAIL: it is the sender they do not want"},
    {"error:timeout", "no reply in time"},
    {"error:tls", "TLS failed"},
    {"error:dns", "a name could not be looked up"},
    {"error:closed", "the other end closed the connection"},
    {"error:protocol", "what came was no SMTP"},
    {"error:network", "no connection, or it broke"},
    {"error:ours", "trouble of our own"},
    {"queue:expired", "the message expired while it waited"},
    {"local:smtputf8", "the message needs SMTPUTF8, which the mail host does not offer"},
    {"local:size", "the message is larger than the mail host takes"},
    {"local:content", "the message could not be made"},
    {"mail:unsubscribe", "a mail to the unsubscribe address"},
};

/// Rules that name what they are about behind a colon.
constexpr Text families[] = {
    {"syntax:", "a rule of syntax is broken: "},
    {"gate:", "the gate stopped it: "},
};

}  // namespace

std::string rule_text(std::string_view id)
{
    for (const auto& [name, text] : texts)
        if (name == id)
            return std::string(text);
    for (const auto& [prefix, text] : families)
        if (id.starts_with(prefix))
            return std::string(text) + std::string(id.substr(prefix.size()));
    return {};
}

}  // namespace winnow
