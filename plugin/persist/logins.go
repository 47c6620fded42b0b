package persist

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/store"
	"github.com/coredns/coredns/plugin"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	// loginsTotal counts logins to a Vault.
	loginsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "store_logins_total",
		Help:      "Counter of logins to the store by result.",
	}, []string{"source", "result"})
	// tokenExpiry is until when the token of a login is valid.
	tokenExpiry = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "store_token_expiry_timestamp_seconds",
		Help:      "Gauge of the time up to which the token of the last login to the store is valid, +Inf without end.",
	}, []string{"source"})
)

var _ store.TokenObserver = observer{}

// LoggedIn implements store.TokenObserver.
func (o observer) LoggedIn(err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	loginsTotal.WithLabelValues(o.location, result).Inc()
}

// TokenExpires implements store.TokenObserver.
func (o observer) TokenExpires(at time.Time) {
	seconds := math.Inf(1)
	if !at.IsZero() {
		seconds = float64(at.Unix())
	}
	o.expiry.set(seconds)
	o.expiry.show(o.location)
}

// expiry is when the token of a store expires, in Unix time, once there was one.
type expiry struct{ at atomic.Pointer[float64] }

func (e *expiry) set(seconds float64) { e.at.Store(&seconds) }

// show sets the gauge, which another backend of the same store may have dropped.
func (e *expiry) show(location string) {
	if at := e.at.Load(); at != nil {
		tokenExpiry.WithLabelValues(location).Set(*at)
	}
}
