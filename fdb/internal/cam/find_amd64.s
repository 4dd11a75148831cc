//go:build !purego && !race && !explore

#include "textflag.h"

// All but the spilled bit of the first key word of a bucket, and all of the second.
DATA keys<>+0(SB)/8, $0xbfffffffffffffff
DATA keys<>+8(SB)/8, $0xffffffffffffffff
GLOBL keys<>(SB), RODATA|NOPTR, $16

// WALK leaves the segment of the word in DI in R11 and the offset of its home
// bucket in AX: directory.hash, directory.at and homeOf. R8 is directory.first, CX
// its shift, R12 and R13 the seed, R9 the golden ratio.
#define WALK \
	MOVQ  DI, DX;         \
	XORQ  R12, DX;        \
	MULXQ R13, AX, BX;    \
	XORQ  BX, AX;         \
	IMULQ R9, AX;         \
	SHRXQ CX, AX, BX;     \
	MOVQ  (R8)(BX*8), R11; \
	SHRQ  $26, AX;        \
	ANDL  $0x1fc0, AX

#define DIRECTORY(d) \
	MOVQ d+0(FP), SI;   \
	MOVQ 0(SI), R8;     \
	MOVQ 8(SI), CX;     \
	MOVQ 16(SI), R12;   \
	MOVQ 24(SI), R13;   \
	MOVQ $0x9e3779b97f4a7c15, R9

// func find(d *directory, word uint64) (hot uint64)
TEXT ·find(SB), NOSPLIT, $0-24
	MOVQ d+0(FP), SI
	MOVQ word+8(FP), DI
	CMPB 32(SI), $0
	JEQ scalar
	MOVQ 16(SI), DX
	XORQ DI, DX
	MULXQ 24(SI), AX, BX
	XORQ BX, AX
	MOVQ $0x9e3779b97f4a7c15, R9
	IMULQ R9, AX
	MOVQ 8(SI), CX
	SHRXQ CX, AX, BX
	MOVQ 0(SI), R8
	MOVQ (R8)(BX*8), R11
	SHRQ $26, AX
	ANDL $0x1fc0, AX
	VMOVQ DI, X0
	VMOVDDUP X0, X0

next:
	LEAQ (R11)(AX*1), R10
	VMOVDQU (R10), X1
	VPAND keys<>(SB), X1, X2
	VPCMPEQQ X0, X2, X2
	VPCMPEQQ 16(R10), X0, X3
	VPACKSSDW X3, X2, X2
	VMOVMSKPS X2, BX
	TESTL BX, BX
	JZ none
	BSFL BX, BX
	MOVQ 32(R10)(BX*8), AX
	MOVQ AX, hot+16(FP)
	RET

none:
	VMOVQ X1, BX
	BTQ $62, BX
	JCC miss
	ADDQ $64, AX
	ANDL $0x1fc0, AX
	JMP next

miss:
	MOVQ $0, hot+16(FP)
	RET

scalar:
	JMP ·scalarFind(SB)

// func vectorFindUsed(d *directory, word uint64) (hot uint64, s *segment, slot int)
TEXT ·vectorFindUsed(SB), NOSPLIT, $0-40
	MOVQ d+0(FP), SI
	MOVQ word+8(FP), DI
	MOVQ 16(SI), DX
	XORQ DI, DX
	MULXQ 24(SI), AX, BX
	XORQ BX, AX
	MOVQ $0x9e3779b97f4a7c15, R9
	IMULQ R9, AX
	MOVQ 8(SI), CX
	SHRXQ CX, AX, BX
	MOVQ 0(SI), R8
	MOVQ (R8)(BX*8), R11
	SHRQ $26, AX
	ANDL $0x1fc0, AX
	MOVQ AX, BX
	SHRQ $2, BX
	PREFETCHT0 12288(R11)(BX*1)
	VMOVQ DI, X0
	VMOVDDUP X0, X0

next:
	LEAQ (R11)(AX*1), R10
	VMOVDQU (R10), X1
	VPAND keys<>(SB), X1, X2
	VPCMPEQQ X0, X2, X2
	VPCMPEQQ 16(R10), X0, X3
	VPACKSSDW X3, X2, X2
	VMOVMSKPS X2, BX
	TESTL BX, BX
	JZ none
	BSFL BX, BX
	MOVQ 32(R10)(BX*8), DX
	MOVQ DX, hot+16(FP)
	MOVQ R11, s+24(FP)
	SHRQ $4, AX
	ADDQ BX, AX
	MOVQ AX, slot+32(FP)
	RET

none:
	VMOVQ X1, BX
	BTQ $62, BX
	JCC miss
	ADDQ $64, AX
	ANDL $0x1fc0, AX
	JMP next

miss:
	MOVQ $0, hot+16(FP)
	MOVQ $0, s+24(FP)
	MOVQ $0, slot+32(FP)
	RET

// func vectorFetch(d *directory, words *Word, n int)
TEXT ·vectorFetch(SB), NOSPLIT, $0-24
	DIRECTORY(d)
	MOVQ words+8(FP), SI
	MOVQ n+16(FP), R10
	LEAQ (SI)(R10*8), R10

fetch:
	CMPQ SI, R10
	JGE done
	MOVQ (SI), DI
	WALK
	PREFETCHT0 (R11)(AX*1)
	ADDQ $8, SI
	JMP fetch

done:
	RET

// WORD makes the key in DI its word: Key.word.
#define WORD \
	MOVQ DI, AX;    \
	SHRQ $12, DI;   \
	BSWAPQ DI;      \
	SHRQ $16, DI;   \
	ANDL $0xfff, AX; \
	SHLQ $48, AX;   \
	ORQ AX, DI;     \
	BTSQ $63, DI

// func vectorPrefetch(d *directory, meta *extent, keys *Key, n int)
TEXT ·vectorPrefetch(SB), NOSPLIT, $0-32
	DIRECTORY(d)
	MOVQ meta+8(FP), R15
	MOVQ keys+16(FP), SI
	MOVQ n+24(FP), R10
	LEAQ (SI)(R10*8), R10

key:
	CMPQ SI, R10
	JGE end
	MOVQ (SI), DI
	WORD
	WALK
	ADDQ BX, BX
	PREFETCHT0 (R15)(BX*8)
	PREFETCHT0 (R11)(AX*1)
	SHRQ $1, AX
	PREFETCHT0 8192(R11)(AX*1)
	ADDQ $8, SI
	JMP key

end:
	RET

// func vectorFollow(d *directory, keys *Key, n int)
TEXT ·vectorFollow(SB), NOSPLIT, $0-24
	DIRECTORY(d)
	MOVQ keys+8(FP), SI
	MOVQ n+16(FP), R10
	LEAQ (SI)(R10*8), R10

full:
	CMPQ SI, R10
	JGE all
	MOVQ (SI), DI
	WORD
	WALK
	MOVQ (R11)(AX*1), DX // the next bucket if it spilled, else the same again
	SHRQ $56, DX
	ANDL $0x40, DX
	ADDL DX, AX
	ANDL $0x1fc0, AX
	PREFETCHT0 (R11)(AX*1)
	SHRQ $1, AX
	PREFETCHT0 8192(R11)(AX*1)
	ADDQ $8, SI
	JMP full

all:
	RET

// func vectorFinds(d *directory, words *Word, hots *Hot, n int)
TEXT ·vectorFinds(SB), NOSPLIT, $0-32
	DIRECTORY(d)
	MOVQ words+8(FP), SI
	MOVQ n+24(FP), R10
	LEAQ (SI)(R10*8), R10
	MOVQ hots+16(FP), R15
	VMOVDQU keys<>(SB), X4

another:
	CMPQ SI, R10
	JGE over
	MOVQ (SI), DI
	WALK
	VMOVDDUP (SI), X0

search:
	VMOVDQU (R11)(AX*1), X1
	VPAND X4, X1, X2
	VPCMPEQQ X0, X2, X2
	VPCMPEQQ 16(R11)(AX*1), X0, X3
	VPACKSSDW X3, X2, X2
	VMOVMSKPS X2, BX
	TESTL BX, BX
	JZ absent
	BSFL BX, BX
	ADDQ AX, R11
	MOVQ 32(R11)(BX*8), BX

store:
	MOVQ BX, (R15)
	ADDQ $8, R15
	ADDQ $8, SI
	JMP another

absent:
	VMOVQ X1, DX
	BTQ $62, DX
	JCC store
	ADDQ $64, AX
	ANDL $0x1fc0, AX
	JMP search

over:
	RET

// func cpuid(leaf, sub uint32) (a, b, c, d uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL leaf+0(FP), AX
	MOVL sub+4(FP), CX
	CPUID
	MOVL AX, a+8(FP)
	MOVL BX, b+12(FP)
	MOVL CX, c+16(FP)
	MOVL DX, d+20(FP)
	RET

// func xgetbv() (a uint32)
TEXT ·xgetbv(SB), NOSPLIT, $0-4
	XORL CX, CX
	XGETBV
	MOVL AX, a+0(FP)
	RET

// func ask(s *segment, part int)
TEXT ·ask(SB), NOSPLIT, $0-16
	MOVQ s+0(FP), AX
	MOVQ part+8(FP), CX
	SHLQ $6, CX
	LEAQ (AX)(CX*4), BX
	PREFETCHT0 (BX)
	PREFETCHT0 64(BX)
	PREFETCHT0 128(BX)
	PREFETCHT0 192(BX)
	PREFETCHT0 8192(AX)(CX*2)
	PREFETCHT0 8256(AX)(CX*2)
	PREFETCHT0 12288(AX)(CX*1)
	RET
