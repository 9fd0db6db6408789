"""Tests of all wires with real streams, compared with independent readers that import no code of ours."""
