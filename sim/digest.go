package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Digest sums up a history while it is made. Two runs with the same sum made the
// same records in the same order.
//
// The sum is the SHA-256 of all records, each preceded by its length as a
// big-endian 32-bit number; so records cannot run into each other.
type Digest struct {
	hash    hash.Hash
	pending []byte // written to hash in large pieces: a call costs more than the bytes
	scratch [sha256.Size]byte
}

// digestPiece is how many bytes are gathered before they are hashed.
const digestPiece = 8 << 10

// NewDigest returns the digest of an empty history.
func NewDigest() *Digest {
	return &Digest{hash: sha256.New(), pending: make([]byte, 0, digestPiece+512)}
}

// Add appends one record. The record is not kept.
func (d *Digest) Add(record []byte) {
	d.pending = binary.BigEndian.AppendUint32(d.pending, uint32(len(record)))
	d.pending = append(d.pending, record...)
	if len(d.pending) >= digestPiece {
		d.flush()
	}
}

// Sum returns the digest of everything added so far, as "sha256:" and 64 hex
// digits. Adding may go on afterwards.
func (d *Digest) Sum() string { return "sha256:" + hex.EncodeToString(d.sum()) }

func (d *Digest) sum() []byte {
	d.flush()
	return d.hash.Sum(d.scratch[:0])
}

func (d *Digest) flush() {
	d.hash.Write(d.pending) // never fails, says package hash
	d.pending = d.pending[:0]
}
