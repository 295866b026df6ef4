package bill

import (
	"math"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// What DynamoDB counts, by its documentation. Sizes: Developer Guide, "DynamoDB item sizes and formats". Units: "DynamoDB
// read and write operations". Its own count in an answer (ConsumedCapacity) is only compared with this.
const (
	readSize  = 4 << 10 // bytes of an item for each read unit
	writeSize = 1 << 10 // bytes of an item for each write unit
)

// attributes is an item.
type attributes = map[string]types.AttributeValue

// itemSize is the size of an item in bytes: its names and values.
func itemSize(it attributes) int {
	size := 0
	for name, v := range it {
		size += len(name) + valueSize(v)
	}
	return size
}

// containerSize is what a list or a map takes besides its elements, and elementSize what each of them takes besides itself.
const (
	containerSize = 3
	elementSize   = 1
)

func valueSize(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberSS:
		size := 0
		for _, s := range v.Value {
			size += len(s)
		}
		return size
	case *types.AttributeValueMemberL:
		size := containerSize
		for _, e := range v.Value {
			size += valueSize(e) + elementSize
		}
		return size
	case *types.AttributeValueMemberM:
		size := containerSize
		for name, e := range v.Value {
			size += len(name) + valueSize(e) + elementSize
		}
		return size
	}
	return 1 // a Boolean or null; this table has no other sets
}

// numberSize is a byte for every two significant digits, one more, and one for a sign.
func numberSize(n string) int {
	size, digits, zeros := 1, 0, 0
	for _, r := range n {
		switch {
		case r == '-':
			size++
		case r == '0':
			zeros++
		case r > '0' && r <= '9':
			if digits > 0 {
				digits += zeros
			}
			digits, zeros = digits+1, 0
		}
	}
	return size + (digits+1)/2
}

// readUnits is of one item that is read by its key, or of all that a query reads. What is not there costs as much as a
// small item.
func readUnits(size int, consistent bool) float64 {
	units := math.Ceil(float64(max(size, 1)) / readSize)
	if !consistent {
		units /= 2
	}
	return units
}

// writeUnits is of one item: the larger of what was there and what is written.
func writeUnits(before, after int) float64 {
	return math.Ceil(float64(max(before, after, 1)) / writeSize)
}

// indexUnits is what an index of keys alone costs when an item's place in it changes. "" is no place. The entries of this
// table's index are far below 1 KB.
func indexUnits(before, after string) float64 {
	switch {
	case before == after:
		return 0
	case before == "" || after == "":
		return 1
	}
	return 2 // the old entry is deleted and a new one is put
}

// chunks is how many requests or events of a size a payload counts as.
func chunks(size, each int) float64 {
	return math.Ceil(float64(max(size, 1)) / float64(each))
}
