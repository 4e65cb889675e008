// Porcupine on the histories of bench/checker.ts: the same files, the CPU time of the process.
//
// Each argument is a file, or MODEL=FILE for a file whose operations do not tell its model. A line
// of JSON a file goes to the standard output: verdict, CPU of the first check and the median of
// the later ones, peak memory of the process so far. Reading a file is not part of any figure.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"
)

type result struct {
	File       string  `json:"file"`
	Model      string  `json:"model"`
	Operations int     `json:"operations"`
	Verdict    string  `json:"verdict"`
	CPUMsCold  float64 `json:"cpuMsCold"`
	CPUMsWarm  float64 `json:"cpuMsWarm"`
	PeakMiB    float64 `json:"peakMiB"`
}

func usage() syscall.Rusage {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u
}

func cpuMs() float64 {
	u := usage()
	return float64(u.Utime.Sec+u.Stime.Sec)*1e3 + float64(u.Utime.Usec+u.Stime.Usec)/1e3
}

func verdictOf(r porcupine.CheckResult) string {
	switch r {
	case porcupine.Ok:
		return "ok"
	case porcupine.Illegal:
		return "fail"
	default:
		return "unknown"
	}
}

func check(path, name string, rounds int, timeout time.Duration) (result, error) {
	operations, err := readHistory(path)
	if err != nil {
		return result{}, err
	}
	if name == "" {
		name = modelOf(operations)
	}
	model, events, err := prepare(name, operations)
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", path, err)
	}
	out := result{File: filepath.Base(path), Model: name, Operations: len(operations)}
	var later []float64
	for round := 0; round <= rounds; round++ {
		runtime.GC()
		before := cpuMs()
		verdict := porcupine.CheckEventsTimeout(model, events, timeout)
		spent := cpuMs() - before
		if round == 0 {
			out.CPUMsCold = spent
			out.Verdict = verdictOf(verdict)
		} else {
			later = append(later, spent)
		}
		// What takes seconds, or ends without a verdict, is not repeated.
		if spent > 2000 || verdict == porcupine.Unknown {
			break
		}
	}
	out.CPUMsWarm = out.CPUMsCold
	if len(later) > 0 {
		sort.Float64s(later)
		out.CPUMsWarm = later[len(later)/2]
	}
	out.PeakMiB = float64(usage().Maxrss) / 1024
	return out, nil
}

func main() {
	rounds := flag.Int("rounds", 5, "checks of each history after the first")
	timeout := flag.Duration("timeout", 5*time.Second, "wall time a check may take")
	flag.Parse()
	encoder := json.NewEncoder(os.Stdout)
	for _, argument := range flag.Args() {
		name, path := "", argument
		if model, rest, found := strings.Cut(argument, "="); found {
			name, path = model, rest
		}
		out, err := check(path, name, *rounds, *timeout)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(out); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
