#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace winnow {

/// Counters, gauges and histograms in Prometheus form (names `winnow_<noun>_<unit>_total`, base units). Labels come
/// from bounded sets, never raw domains or addresses. Handles live as long as the Metrics and are thread-safe.
class Metrics {
public:
    using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
    class Counter {
    public:
        virtual ~Counter() = default;
        virtual void add(double by = 1.0) = 0;
    };
    class Gauge {
    public:
        virtual ~Gauge() = default;
        virtual void set(double value) = 0;
    };
    class Histogram {
    public:
        virtual ~Histogram() = default;
        virtual void observe(double value) = 0;
    };

    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    /// The same name and labels give the same handle. `help` (and `bounds`, ascending) is taken from the first call.
    /// Keep the handle: the look-up takes a lock. A malformed name, or one of another kind, is a broken invariant and
    /// throws std::invalid_argument.
    Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
    Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds, Labels labels = {});

    /// Text exposition format 0.0.4.
    std::string expose() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow
