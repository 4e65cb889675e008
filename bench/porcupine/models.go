package main

import (
	"fmt"
	"hash/maphash"
	"sort"
	"strings"

	"github.com/anishathalye/porcupine"
)

// none is the value of a register, or of a key, that nobody wrote.
const none = -1 << 31

type registerInput struct {
	f        string
	from, to int
	key      string
}

type registerOutput struct {
	outcome  string
	value    int
	rev, mod int
}

type textInput struct {
	f, key, value string
}

type textOutput struct {
	unknown, isNull bool
	value           string
	truth           any
	elements        []string
}

var seed = maphash.MakeSeed()

func hashText(state any) uint64 { return maphash.String(seed, state.(string)) }

func modelOf(operations []operation) string {
	for _, o := range operations {
		switch o.f {
		case "get", "put", "append":
			return "kv"
		case "enqueue", "dequeue":
			return "queue"
		case "add", "remove", "contains":
			return "set"
		}
	}
	return "register"
}

// prepare gives the model and the events in its terms. Reads of unknown outcome are dropped, as
// they say nothing, and so are refused operations other than cas.
func prepare(name string, operations []operation) (porcupine.Model, []porcupine.Event, error) {
	model, found := map[string]porcupine.Model{
		"register": registers, "etcd-register": stores, "kv": texts, "queue": queues, "set": sets,
	}[name]
	if !found {
		return model, nil, fmt.Errorf("no model has the name %q", name)
	}
	isText := name == "kv" || name == "queue" || name == "set"
	var events []porcupine.Event
	for id, o := range operations {
		if o.outcome == "info" && (o.f == "read" || o.f == "get" || o.f == "contains") {
			continue
		}
		call := porcupine.Event{ClientId: o.process, Kind: porcupine.CallEvent, Id: id, Value: o}
		ret := porcupine.Event{ClientId: o.process, Kind: porcupine.ReturnEvent, Id: id, Value: o}
		if isText {
			call.Value, ret.Value = textOf(o)
		} else {
			call.Value, ret.Value = registerOf(o)
		}
		events = append(events, call, ret)
	}
	position := func(e porcupine.Event) int {
		if e.Kind == porcupine.CallEvent {
			return operations[e.Id].call
		}
		return operations[e.Id].ret
	}
	sort.SliceStable(events, func(a, b int) bool { return position(events[a]) < position(events[b]) })
	return model, events, nil
}

func number(value any) int {
	if v, isInt := value.(int); isInt {
		return v
	}
	return none
}

func registerOf(o operation) (registerInput, registerOutput) {
	in := registerInput{f: o.f, key: o.key, to: number(o.input)}
	if pair, isPair := o.input.([]any); isPair {
		in.from, in.to = number(pair[0]), number(pair[1])
	}
	return in, registerOutput{outcome: o.outcome, value: number(o.output), rev: o.rev, mod: o.mod}
}

func textOf(o operation) (textInput, textOutput) {
	in := textInput{f: o.f, key: o.key, value: fmt.Sprint(o.input)}
	out := textOutput{unknown: o.outcome == "info", isNull: o.output == nil, truth: o.output}
	if list, isList := o.output.([]any); isList {
		for _, element := range list {
			out.elements = append(out.elements, fmt.Sprint(element))
		}
		sort.Strings(out.elements)
	} else if o.output != nil {
		out.value = fmt.Sprint(o.output)
	}
	return in, out
}

// byKey cuts a history at its keys.
func byKey(key func(any) string) func([]porcupine.Event) [][]porcupine.Event {
	return func(history []porcupine.Event) [][]porcupine.Event {
		keyOf := map[int]string{}
		parts := map[string][]porcupine.Event{}
		for _, e := range history {
			if e.Kind == porcupine.CallEvent {
				keyOf[e.Id] = key(e.Value)
			}
			parts[keyOf[e.Id]] = append(parts[keyOf[e.Id]], e)
		}
		var all [][]porcupine.Event
		for _, part := range parts {
			all = append(all, part)
		}
		return all
	}
}

func textKey(input any) string { return input.(textInput).key }

var registers = porcupine.Model{
	PartitionEvent: byKey(func(input any) string { return input.(registerInput).key }),
	Init:           func() any { return none },
	Step: func(state, input, output any) (bool, any) {
		value, in, out := state.(int), input.(registerInput), output.(registerOutput)
		switch in.f {
		case "read":
			return out.value == value, state
		case "write":
			return true, in.to
		}
		if out.outcome == "info" {
			if value == in.from {
				return true, in.to
			}
			return true, state
		}
		if (value == in.from) != (out.outcome == "ok") {
			return false, state
		}
		if out.outcome == "ok" {
			return true, in.to
		}
		return true, state
	},
}

var texts = porcupine.Model{
	PartitionEvent: byKey(textKey),
	Init:           func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		in, out := input.(textInput), output.(textOutput)
		switch in.f {
		case "get":
			return out.value == state.(string), state
		case "put":
			return true, in.value
		default:
			return true, state.(string) + in.value
		}
	},
	Hash: hashText,
}

// A queue is a text in which every element ends with a zero.
var queues = porcupine.Model{
	PartitionEvent: byKey(textKey),
	Init:           func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		in, out, all := input.(textInput), output.(textOutput), state.(string)
		if in.f == "enqueue" {
			return true, all + in.value + "\x00"
		}
		first, rest, isThere := strings.Cut(all, "\x00")
		if !isThere {
			return out.unknown || out.isNull, state
		}
		return out.unknown || (!out.isNull && out.value == first), rest
	},
	Hash: hashText,
}

// A set is the text of its sorted elements.
var sets = porcupine.Model{
	PartitionEvent: byKey(textKey),
	Init:           func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		in, out := input.(textInput), output.(textOutput)
		var elements []string
		if state.(string) != "" {
			elements = strings.Split(state.(string), "\x00")
		}
		if in.f == "read" {
			return strings.Join(out.elements, "\x00") == state.(string), state
		}
		at := sort.SearchStrings(elements, in.value)
		isThere := at < len(elements) && elements[at] == in.value
		if in.f == "contains" {
			return out.truth == isThere, state
		}
		changes := isThere == (in.f == "remove")
		if answer, isBool := out.truth.(bool); !out.unknown && isBool && answer != changes {
			return false, state
		}
		if !changes {
			return true, state
		}
		changed := append([]string{}, elements[:at]...)
		if in.f == "add" {
			changed = append(append(changed, in.value), elements[at:]...)
		} else {
			changed = append(changed, elements[at+1:]...)
		}
		return true, strings.Join(changed, "\x00")
	},
	Hash: hashText,
}

// The whole store with its revision, as an etcd shows it. What is unknown may take effect at the
// end, where nobody sees it.
type store struct {
	rev   int
	cells map[string][2]int
}

var stores = porcupine.Model{
	Init: func() any { return &store{rev: 1, cells: map[string][2]int{}} },
	Step: func(state, input, output any) (bool, any) {
		s, in, out := state.(*store), input.(registerInput), output.(registerOutput)
		cell, isThere := s.cells[in.key]
		if !isThere {
			cell = [2]int{none, 0}
		}
		changes := in.f == "write" || (in.f == "cas" && cell[0] == in.from)
		if out.outcome != "info" {
			due := s.rev
			if changes {
				due++
			}
			if out.rev != due || (in.f == "cas" && changes != (out.outcome == "ok")) {
				return false, state
			}
			if in.f == "read" && (out.value != cell[0] || out.mod != cell[1]) {
				return false, state
			}
		}
		if !changes {
			return true, state
		}
		cells := make(map[string][2]int, len(s.cells)+1)
		for key, value := range s.cells {
			cells[key] = value
		}
		cells[in.key] = [2]int{in.to, s.rev + 1}
		return true, &store{rev: s.rev + 1, cells: cells}
	},
	Equal: func(a, b any) bool {
		x, y := a.(*store), b.(*store)
		if x.rev != y.rev || len(x.cells) != len(y.cells) {
			return false
		}
		for key, value := range x.cells {
			if y.cells[key] != value {
				return false
			}
		}
		return true
	},
	Hash: func(state any) uint64 {
		// The sum does not depend on the order of the keys.
		s := state.(*store)
		hash := uint64(s.rev) * 0x9e3779b97f4a7c15
		for key, value := range s.cells {
			hash += maphash.String(seed, key) * uint64(value[1]+1)
		}
		return hash
	},
}
