#include "core/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <stdexcept>

namespace winnow {
namespace {

class CounterHandle final : public Metrics::Counter {
public:
    explicit CounterHandle(prometheus::Counter& to) : to_(to) {}
    void add(double by) override { to_.Increment(by); }

private:
    prometheus::Counter& to_;
};

class GaugeHandle final : public Metrics::Gauge {
public:
    explicit GaugeHandle(prometheus::Gauge& to) : to_(to) {}
    void set(double value) override { to_.Set(value); }

private:
    prometheus::Gauge& to_;
};

class HistogramHandle final : public Metrics::Histogram {
public:
    explicit HistogramHandle(prometheus::Histogram& to) : to_(to) {}
    void observe(double value) override { to_.Observe(value); }

private:
    prometheus::Histogram& to_;
};

/// One kind of metric: families by name, handles by name and labels.
template <class Metric, class Handle>
struct Kind {
    struct Family {
        prometheus::Family<Metric>* family;
        std::map<prometheus::Labels, std::unique_ptr<Handle>> handles;
    };
    std::map<std::string, Family, std::less<>> families;

    template <class Builder, class... Arguments>
    Handle& get(Builder builder, prometheus::Registry& registry, std::string_view name, std::string_view help,
                Metrics::Labels labels, const Arguments&... arguments)
    {
        auto found = families.find(name);
        if (found == families.end()) {
            // Throws when the name is malformed or belongs to another kind.
            auto& family = builder.Name(std::string(name)).Help(std::string(help)).Register(registry);
            found = families.emplace(std::string(name), Family{&family, {}}).first;
        }
        prometheus::Labels key;
        for (const auto& [label, value] : labels)
            key.emplace(label, value);
        auto& handle = found->second.handles[key];
        if (!handle)
            handle = std::make_unique<Handle>(found->second.family->Add(key, arguments...));
        return *handle;
    }
};

}  // namespace

struct Metrics::Impl {
    prometheus::Registry registry{prometheus::Registry::InsertBehavior::Throw};
    std::mutex mutex;
    Kind<prometheus::Counter, CounterHandle> counters;
    Kind<prometheus::Gauge, GaugeHandle> gauges;
    Kind<prometheus::Histogram, HistogramHandle> histograms;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Metrics::Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels)
{
    const std::lock_guard lock(impl_->mutex);
    return impl_->counters.get(prometheus::BuildCounter(), impl_->registry, name, help, labels);
}

Metrics::Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels)
{
    const std::lock_guard lock(impl_->mutex);
    return impl_->gauges.get(prometheus::BuildGauge(), impl_->registry, name, help, labels);
}

Metrics::Histogram& Metrics::histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                                       Labels labels)
{
    const std::lock_guard lock(impl_->mutex);
    return impl_->histograms.get(prometheus::BuildHistogram(), impl_->registry, name, help, labels,
                                 prometheus::Histogram::BucketBoundaries(std::move(bounds)));
}

std::string Metrics::expose() const
{
    return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace winnow
