package pause

import (
	"testing"
	"time"
)

func TestPauseDoublesUpToTheMost(t *testing.T) {
	const most = 60 * time.Second
	var g Growing
	for range 2 {
		for i, seconds := range []int{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			want := time.Duration(seconds) * time.Second
			if got := g.Next(most); got > want || got < want*9/10 {
				t.Errorf("After failure %d it is %v, wanted %v or up to a tenth less", i+1, got, want)
			}
		}
		g.Reset()
	}
	for range 100 {
		if got := g.Next(most); got <= 0 || got > most {
			t.Fatalf("It is %v", got)
		}
	}
}

func TestPausesOfServersDiffer(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		d := Between(time.Hour/2, time.Hour*2/3)
		if d < 30*time.Minute || d > 40*time.Minute {
			t.Fatalf("It is %v", d)
		}
		seen[d] = true
	}
	if len(seen) < 90 {
		t.Errorf("Only %d of 100 differ", len(seen))
	}
	if got := Between(time.Second, time.Second); got != time.Second {
		t.Errorf("Between one instant and itself is %v", got)
	}
}
