package rpc_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"floodgate.internal/backbone/rpc"
	votev1 "floodgate.internal/proto/floodgate/vote/v1"
)

func TestStatusIsReadAsItWasBuilt(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("cast: %w", rpc.Status(codes.NotFound, "NOT_YET_RECORDED", "wait",
		map[string]string{"voteId": "v"}, rpc.RetryAfter(time.Second), rpc.BadField("voteId", "unknown")).Err())
	if rpc.Reason(err) != "NOT_YET_RECORDED" || rpc.Metadata(err)["voteId"] != "v" {
		t.Error(rpc.Reason(err), rpc.Metadata(err))
	}
	if d, ok := rpc.RetryDelay(err); !ok || d != time.Second {
		t.Error(d, ok)
	}
	if v := rpc.FieldViolations(err); len(v) != 1 || v[0].GetField() != "voteId" {
		t.Error(v)
	}
}

func TestReadersFindNothingInOtherErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("plain"), status.Error(codes.NotFound, "bare")} {
		_, ok := rpc.RetryDelay(err)
		if rpc.Reason(err) != "" || rpc.Metadata(err) != nil || ok || rpc.FieldViolations(err) != nil {
			t.Error(err)
		}
	}
}

func TestStatusSurvivesTextThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	err := rpc.Status(codes.InvalidArgument, "R\xff", "m\xff", map[string]string{"k\xff": "v\xff"}).Err()
	if rpc.Reason(err) != "R\uFFFD" || rpc.Metadata(err)["k\uFFFD"] != "v\uFFFD" {
		t.Error(err)
	}
}

func TestEveryRPCNamesItsRoles(t *testing.T) {
	t.Parallel()
	vote := votev1.File_floodgate_vote_v1_vote_service_proto.Services().ByName("VoteService")
	if without := rpc.WithoutRoles(vote); len(without) > 0 {
		t.Error("without roles:", without)
	}
	health := healthv1.File_grpc_health_v1_health_proto.Services().ByName("Health")
	if without := rpc.WithoutRoles(health); len(without) != health.Methods().Len() {
		t.Error("the walk finds only", without)
	}
}
