// The dialogue of a delivery, broken at every step in every way: nothing is lost, and nothing is sent again after the
// receiver's final yes was heard.
#include "tests/relay/relay_world.hpp"
#include "tests/support/scripted_stream.hpp"

using namespace std::chrono_literals;
using namespace winnow;
using test::ScriptedStream;

namespace {

class Story : public test::RelayWorld {
public:
    void TestBody() override {}
};

using WriteDialogue = std::size_t (*)(ScriptedStream& mx, const std::string& from);  // returns the final yes's step

std::size_t one_by_one(ScriptedStream& mx, const std::string& from)
{
    mx.server("220 mx.example.test").client("EHLO relay.example.net").server("250 mx.example.test");
    mx.client("MAIL FROM:<" + from + ">").server("250 ok").client("RCPT TO:<a@example.test>").server("250 ok");
    mx.client("DATA").server("354 go").client("Subject: hi").client("Message-ID: <1@sender.test>").client("");
    mx.client("hello").client(".").server("250 2.0.0 queued");
    const std::size_t yes = mx.size() - 1;
    mx.client("QUIT").server("221 bye");
    return yes;
}

std::size_t pipelined(ScriptedStream& mx, const std::string& from)
{
    mx.server("220 mx.example.test").client("EHLO relay.example.net");
    mx.server("250-mx.example.test").server("250 PIPELINING");
    mx.client("MAIL FROM:<" + from + ">").client("RCPT TO:<a@example.test>").client("DATA");
    mx.server("250 ok").server("250 ok").server("354 go");
    mx.client("Subject: hi").client("Message-ID: <1@sender.test>").client("").client("hello").client(".");
    mx.server("250 2.0.0 queued");
    const std::size_t yes = mx.size() - 1;
    mx.client("QUIT").server("221 bye");
    return yes;
}

std::size_t over_tls(ScriptedStream& mx, const std::string& from)
{
    mx.server("220 mx.example.test").client("EHLO relay.example.net");
    mx.server("250-mx.example.test").server("250 STARTTLS").client("STARTTLS").server("220 go").tls();
    mx.client("EHLO relay.example.net").server("250 mx.example.test");
    mx.client("MAIL FROM:<" + from + ">").server("250 ok").client("RCPT TO:<a@example.test>").server("250 ok");
    mx.client("DATA").server("354 go").client("Subject: hi").client("Message-ID: <1@sender.test>").client("");
    mx.client("hello").client(".").server("250 2.0.0 queued");
    const std::size_t yes = mx.size() - 1;
    mx.client("QUIT").server("221 bye");
    return yes;
}

/// The first connection follows the dialogue and breaks at `step`; later ones meet a host that says yes.
void tell(WriteDialogue write, std::size_t step, ScriptedStream::Failure failure)
{
    Story story;
    ScriptedStream dialogue;
    const auto ref = story.enqueue("a@example.test");
    const auto accepted = story.message(ref).accepted;
    const std::size_t yes = write(dialogue, relay::return_path(story.keys, story.options, ref, accepted));
    dialogue.fail_at(step, failure);
    story.connector.script(Story::mx1_ip, dialogue);
    test::MxHost& mx = story.serve();
    story.deliver(3h);
    SCOPED_TRACE("step " + std::to_string(step) + ", failure " + std::to_string(static_cast<int>(failure)));
    EXPECT_TRUE(dialogue.failure_reached());
    EXPECT_EQ(story.state(ref), MessageState::delivered);
    EXPECT_EQ(mx.mails.size(), step > yes ? 0u : 1u);
    EXPECT_EQ(story.suppressed("a@example.test"), "");
    EXPECT_LE(story.message(ref).attempts, 2);
}

void tell_all(WriteDialogue write)
{
    ScriptedStream sample;
    write(sample, "b-x@bounce.example.net");
    int stories = 0;
    for (std::size_t step = 0; step < sample.size(); ++step)
        for (const auto failure : sample.failures_of(step)) {
            tell(write, step, failure);
            ++stories;
        }
    EXPECT_GT(stories, 30);
}

}  // namespace

TEST(DeliveryDialogue, BrokenAnywhereOneByOne)
{
    tell_all(one_by_one);
}

TEST(DeliveryDialogue, BrokenAnywherePipelined)
{
    tell_all(pipelined);
}

TEST(DeliveryDialogue, BrokenAnywhereOverTls)
{
    tell_all(over_tls);
}

namespace {

class UsedConnection : public test::RelayWorld {
public:
    UsedConnection() { options.connections_per_site = 1; }

    /// Two messages on one connection; `end` says how the second MAIL is answered.
    void two_messages(const std::function<void(ScriptedStream&)>& end)
    {
        // Of two flows, so that both are read before the connection is open.
        const auto a = enqueue("a@example.test");
        auto second = submission("b@example.test");
        second.mail_class = MailClass::bulk;
        const auto b = enqueue(std::move(second));
        const auto from = [this](MessageRef ref) {
            return relay::return_path(keys, options, ref, message(ref).accepted);
        };
        ScriptedStream used;
        used.server("220 mx.example.test").client("EHLO relay.example.net").server("250 mx.example.test");
        used.client("MAIL FROM:<" + from(a) + ">").server("250 ok").client("RCPT TO:<a@example.test>").server("250 ok");
        used.client("DATA").server("354 go").client("Subject: hi").client("Message-ID: <1@sender.test>").client("");
        used.client("hello").client(".").server("250 2.0.0 queued").client("MAIL FROM:<" + from(b) + ">");
        end(used);
        dialogue = used;
        connector.script(mx1_ip, dialogue);
        test::MxHost& mx = serve();
        deliver(1min);
        EXPECT_EQ(state(a), MessageState::delivered);
        EXPECT_EQ(state(b), MessageState::delivered) << "at once, on a new connection";
        EXPECT_EQ(message(b).attempts, 1);
        EXPECT_EQ(mx.recipients(), std::vector<std::string>{"b@example.test"});
        EXPECT_TRUE(dialogue.finished()) << dialogue.mismatches();
    }
    ScriptedStream dialogue;
};

}  // namespace

TEST_F(UsedConnection, ThatTheServerHasClosedIsNoFaultOfTheNextMessage)
{
    two_messages([](ScriptedStream& s) { s.eof(); });
}

TEST_F(UsedConnection, ThatTheServerEndsWith421IsNoFaultOfTheNextMessage)
{
    two_messages([](ScriptedStream& s) { s.server("421 4.4.2 enough for today"); });
}
