package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// An operation as all three formats have it. Times are the positions of the events in the file.
type operation struct {
	process int
	f       string
	key     string
	input   any
	output  any
	outcome string // "ok", "fail" or "info"
	rev     int
	mod     int
	call    int
	ret     int
}

// never is the return of an operation whose outcome is unknown.
const never = math.MaxInt32

var (
	jepsenLine = regexp.MustCompile(`jepsen\.util\s+(?:-\s+)?(\d+)\s+:(\w+)\s+:(\w+)\s*(.*)$`)
	kvLine     = regexp.MustCompile(`^\{:process (\d+), :type :(\w+), :f :(\w+), :key "(.*?)", :value (.*)\}$`)
	pairValue  = regexp.MustCompile(`^\[(\S+) (\S+)\]$`)
)

type event struct {
	id, process        int
	kind, f, key       string
	value              any
	rev, mod, position int
}

func readHistory(path string) ([]operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 1<<20), 1<<30)
	open := map[int]int{}
	var operations []operation
	for line := 0; scanner.Scan(); line++ {
		e, found, err := readLine(scanner.Text())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, line+1, err)
		}
		if !found {
			continue
		}
		e.position = line
		operations = enter(operations, open, e)
	}
	return operations, scanner.Err()
}

// enter pairs completions with invocations: by id where there is one, else by process.
func enter(operations []operation, open map[int]int, e event) []operation {
	if e.kind == "invoke" {
		open[e.id] = len(operations)
		return append(operations, operation{
			process: e.process, f: e.f, key: e.key, input: e.value,
			outcome: "info", call: e.position, ret: never,
		})
	}
	at, found := open[e.id]
	if !found {
		return operations
	}
	delete(open, e.id)
	o := &operations[at]
	if e.kind == "ok" || (e.kind == "fail" && e.f == "cas") {
		o.outcome, o.ret = e.kind, e.position
		o.output, o.rev, o.mod = e.value, e.rev, e.mod
	}
	return operations
}

func readLine(text string) (event, bool, error) {
	switch {
	case strings.HasPrefix(text, `{"meta"`), strings.HasPrefix(text, `{"watch"`), text == "":
		return event{}, false, nil
	case strings.HasPrefix(text, `{"`):
		return readJSON(text)
	case strings.HasPrefix(text, "{:"):
		match := kvLine.FindStringSubmatch(text)
		if match == nil {
			return event{}, false, fmt.Errorf("is no event: %q", text)
		}
		process, _ := strconv.Atoi(match[1])
		value := match[5]
		if value == "nil" {
			value = ""
		} else {
			value = strings.Trim(value, `"`)
		}
		return event{id: process, process: process, kind: match[2], f: match[3], key: match[4], value: value}, true, nil
	}
	match := jepsenLine.FindStringSubmatch(text)
	if match == nil {
		return event{}, false, nil
	}
	process, _ := strconv.Atoi(match[1])
	e := event{id: process, process: process, kind: match[2], f: match[3], value: jepsenValue(match[4])}
	return e, true, nil
}

func readJSON(text string) (event, bool, error) {
	var line struct {
		ID, Process, Rev, Mod int
		Type, F, Key          string
		Value                 any
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		return event{}, false, err
	}
	if line.Type == "" {
		return event{}, false, nil
	}
	return event{
		id: line.ID, process: line.Process, kind: line.Type, f: line.F, key: line.Key,
		value: plain(line.Value), rev: line.Rev, mod: line.Mod,
	}, true, nil
}

// plain turns the numbers of JSON into ints, which compare faster.
func plain(value any) any {
	switch v := value.(type) {
	case float64:
		return int(v)
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
		return v
	default:
		return v
	}
}

func jepsenValue(text string) any {
	if match := pairValue.FindStringSubmatch(text); match != nil {
		return []any{jepsenValue(match[1]), jepsenValue(match[2])}
	}
	if number, err := strconv.Atoi(text); err == nil {
		return number
	}
	return nil
}
