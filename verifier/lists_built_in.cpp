#include "verifier/lists_built_in.hpp"

namespace winnow::verifier {
namespace {

// A selection of data/popular.txt.
constexpr std::string_view popular =
    "126.com\n163.com\naol.com\nbluewin.ch\nbtinternet.com\ncomcast.net\nfree.fr\ngmail.com\ngmx.at\ngmx.ch\ngmx.de\n"
    "gmx.net\ngooglemail.com\nhotmail.co.uk\nhotmail.com\nhotmail.fr\nicloud.com\nlibero.it\nlive.com\nmac.com\nmail."
    "ru\n"
    "me.com\nmsn.com\nnaver.com\norange.fr\noutlook.com\nproton.me\nprotonmail.com\nqq.com\nrediffmail.com\nrocketmail."
    "com\n"
    "seznam.cz\nsfr.fr\nt-online.de\ntelenet.be\nuol.com.br\nvirgilio.it\nweb.de\nwp.pl\nyahoo.co.in\nyahoo.co.jp\n"
    "yahoo.co.uk\nyahoo.com\nyahoo.com.br\nyahoo.de\nyahoo.fr\nyandex.com\nyandex.ru\nymail.com\nzoho.com\n";

constexpr std::string_view disposable =
    "10minutemail.com\n20minutemail.com\ndiscard.email\ndispostable.com\nemailondeck.com\nfakeinbox.com\ngetairmail."
    "com\n"
    "getnada.com\nguerrillamail.biz\nguerrillamail.com\nguerrillamail.net\nguerrillamail.org\nmailcatch.com\n"
    "maildrop.cc\nmailinator.com\nmailnesia.com\nmailnull.com\nmintemail.com\nmoakt.com\nmohmal.com\nsharklasers.com\n"
    "spamgourmet.com\ntemp-mail.org\ntempail.com\ntempmail.net\nthrowawaymail.com\ntrash-mail.com\ntrashmail.com\n"
    "yopmail.com\nyopmail.fr\nyopmail.net\n";

// RFC 2142 and the mail system's own names; the wide list is a file only.
constexpr std::string_view role =
    "abuse\tstrong\nadmin\tweak\nbounce\tstrong\ncontact\tweak\nftp\tstrong\nhostmaster\tstrong\ninfo\tstrong\n"
    "mailer-daemon\tstrong\nmarketing\tstrong\nnews\tstrong\nno-reply\tstrong\nnoc\tstrong\nnoreply\tstrong\n"
    "office\tweak\npostmaster\tstrong\nroot\tstrong\nsales\tstrong\nsecurity\tstrong\nsupport\tstrong\nusenet\tstrong\n"
    "uucp\tstrong\nwebmaster\tstrong\nwww\tstrong\n";

}  // namespace

std::string_view built_in_list(std::string_view name) noexcept
{
    if (name == "popular" || name == "free")
        return popular;
    if (name == "disposable")
        return disposable;
    if (name == "role")
        return role;
    return {};
}

}  // namespace winnow::verifier
