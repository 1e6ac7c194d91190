// Command jaeger is Jaeger without its databases, which are most of it: OTLP comes in, traces are kept in memory, its
// query API gives them out.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"

	"github.com/gorilla/mux"
	"github.com/jaegertracing/jaeger/cmd/query/app/apiv3"
	"github.com/jaegertracing/jaeger/cmd/query/app/querysvc/v2/querysvc"
	configuration "github.com/jaegertracing/jaeger/internal/storage/v1/memory"
	"github.com/jaegertracing/jaeger/internal/storage/v2/memory"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	metrics "go.opentelemetry.io/otel/metric/noop"
	traces "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"
)

type host struct{}

func (host) GetExtensions() map[component.ID]component.Component { return nil }

func main() {
	overHTTP := flag.String("otlp-http", "127.0.0.1:4318", "where OTLP comes in over HTTP")
	overGRPC := flag.String("otlp-grpc", "127.0.0.1:4317", "where OTLP comes in over gRPC")
	query := flag.String("query", "127.0.0.1:16686", "where /api/v3 is answered")
	flag.Parse()
	store := must(memory.NewStore(configuration.Configuration{MaxTraces: 100_000}))

	factory := otlpreceiver.NewFactory()
	config := factory.CreateDefaultConfig().(*otlpreceiver.Config)
	config.HTTP.GetOrInsertDefault().ServerConfig.Endpoint = *overHTTP
	config.GRPC.GetOrInsertDefault().NetAddr.Endpoint = *overGRPC
	logger := must(zap.NewProduction())
	telemetry := component.TelemetrySettings{
		Logger: logger, TracerProvider: traces.NewTracerProvider(), MeterProvider: metrics.NewMeterProvider(),
	}
	settings := receiver.Settings{ID: component.NewID(factory.Type()), TelemetrySettings: telemetry}
	kept := must(consumer.NewTraces(store.WriteTraces))
	otlp := must(factory.CreateTraces(context.Background(), settings, config, kept))
	must(0, otlp.Start(context.Background(), host{}))

	routes := mux.NewRouter()
	service := querysvc.NewQueryService(store, store, querysvc.QueryServiceOptions{})
	gateway := apiv3.HTTPGateway{QueryService: service, Logger: logger, Tracer: traces.NewTracerProvider()}
	gateway.RegisterRoutes(routes)
	log.Fatal(http.ListenAndServe(*query, routes))
}

func must[T any](value T, failure ...error) T {
	if len(failure) > 0 && failure[0] != nil {
		log.Fatal(failure[0])
	}
	return value
}
