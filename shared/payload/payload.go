// Package payload packs bodies for queue messages and records. A body is compressed when that makes it smaller. A small
// one stands in the message itself, and a large one is an item of the store that the message refers to.
//
// A packed body's first byte says how it is packed; the rest is the body or its DEFLATE stream (RFC 1951).
package payload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// MaxInline is the largest packed body that stands in messages and records. Together with a record's own fields it
// stays within the 1 KB that DynamoDB counts as one write.
const MaxInline = 600

// maxBody bounds what Unpack inflates a body to. No body is nearly so large.
const maxBody = 4 << 20

const (
	plain    = 'p'
	deflated = 'd'
)

// Levels of compression. quick makes bodies of some hundred bytes as small as any other, in a fraction of the time, but
// leaves alone what has no repetitions, such as long base64, of which thorough saves a quarter.
const (
	quick    = 4
	thorough = 7
)

//nolint:gochecknoglobals // pools: a writer takes 1 MB to make and keeps nothing from one use to the next
var quickWriters, thoroughWriters = writers(quick), writers(thorough)

func writers(level int) *sync.Pool {
	return &sync.Pool{New: func() any {
		w, _ := flate.NewWriter(nil, level) // it is valid, so there is no error
		return w
	}}
}

// minDeflate is the size from which a body is compressed. A smaller one gains less than the work costs.
const minDeflate = 300

var readers = sync.Pool{New: func() any { return flate.NewReader(nil) }} //nolint:gochecknoglobals // a pool: a reader takes 40 KB to make and keeps nothing from one use to the next

// Pack returns the packed form of a body.
func Pack(body []byte) []byte {
	if len(body) < minDeflate {
		return append([]byte{plain}, body...)
	}
	packed := deflate(body, quickWriters)
	if len(packed) > len(body)/10*9 {
		packed = deflate(body, thoroughWriters)
	}
	if len(packed) <= len(body) {
		return packed
	}
	return append([]byte{plain}, body...)
}

func deflate(body []byte, writers *sync.Pool) []byte {
	var b bytes.Buffer
	b.WriteByte(deflated)
	w := writers.Get().(*flate.Writer)
	w.Reset(&b)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	writers.Put(w)
	return b.Bytes()
}

// ErrUnknown says that a body is packed in no form of this release's. A later release may have packed it.
var ErrUnknown = errors.New("packed in a form that is not known")

// Unpack returns the body that Pack was given. Its errors are ErrUnknown.
func Unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrUnknown)
	}
	switch packed[0] {
	case plain:
		return packed[1:], nil
	case deflated:
		return inflate(packed[1:])
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknown, packed[0])
}

func inflate(stream []byte) ([]byte, error) {
	r := readers.Get().(io.Reader)
	defer readers.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(stream), nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	var body bytes.Buffer
	body.Grow(3*len(stream) + bytes.MinRead) // of most bodies all
	if _, err := body.ReadFrom(io.LimitReader(r, maxBody+1)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	if body.Len() > maxBody {
		return nil, fmt.Errorf("%w: too large", ErrUnknown)
	}
	return body.Bytes(), nil
}
