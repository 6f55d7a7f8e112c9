// Sends with Segment's client for Java, one client for each run, and tells, a line each, what was not delivered.
// Arguments: url key, then for each run: who mode at tracks

import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.RequestBody;
import okio.Buffer;
import okio.BufferedSink;
import okio.GzipSink;
import okio.Okio;

public class Send {
    private static final ConcurrentLinkedQueue<String> FAILED = new ConcurrentLinkedQueue<>();

    public static void main(String[] arguments) throws Exception {
        for (int i = 2; i < arguments.length; i += 4) {
            run(arguments[0], arguments[1], arguments[i], arguments[i + 1], Long.parseLong(arguments[i + 2]),
                Integer.parseInt(arguments[i + 3]));
        }
        FAILED.forEach(why -> System.out.println("failed\t" + why));
        System.exit(0);
    }

    private static Analytics client(String url, String key, String mode, AtomicInteger done) {
        Analytics.Builder builder = Analytics.builder(key).endpoint(url).flushInterval(1, TimeUnit.SECONDS)
            .callback(new Callback() {
                public void success(Message message) {
                    done.incrementAndGet();
                }

                public void failure(Message message, Throwable error) {
                    FAILED.add(String.valueOf(error));
                    done.incrementAndGet();
                }
            });
        switch (mode) {
            case "default":
                return builder.build();
            case "upload_url":
                return builder.endpoint(url + "/").setUploadURL(url + "/v1/batch").build();
            case "one_by_one":
                return builder.flushQueueSize(1).build();
            case "small_queue":
                return builder.queueCapacity(10).flushQueueSize(7).maximumQueueSizeInBytes(20_000).build();
            case "gzip":
                return builder.client(new OkHttpClient.Builder().addInterceptor(chain -> {
                    Buffer packed = new Buffer();
                    try (BufferedSink sink = Okio.buffer(new GzipSink(packed))) {
                        chain.request().body().writeTo(sink);
                    }
                    RequestBody body = RequestBody.create(packed.readByteArray(), MediaType.get("application/json"));
                    return chain.proceed(chain.request().newBuilder().header("Content-Encoding", "gzip")
                        .post(body).build());
                }).build()).build();
            default:
                throw new IllegalArgumentException(mode);
        }
    }

    private static void run(String url, String key, String who, String mode, long at, int tracks) throws Exception {
        AtomicInteger done = new AtomicInteger();
        Analytics analytics = client(url, key, mode, done);
        String device = who + "-device";
        analytics.enqueue(IdentifyMessage.builder().userId(who).anonymousId(device)
            .traits(Map.of("email", who + "@Example.com", "city", "Milan")).timestamp(new Date(at)));
        analytics.enqueue(TrackMessage.builder("Order Completed").userId(who)
            .properties(Map.of("total", 25.5, "currency", "EUR"))
            .context(Map.of(
                "campaign", Map.of("source", "google", "medium", "cpc", "name", "spring"),
                "externalIds", List.of(Map.of(
                    "id", who + "-card", "type", "loyalty_card", "collection", "users", "encoding", "none"))))
            .timestamp(new Date(at + 1000)));
        analytics.enqueue(PageMessage.builder("Home").anonymousId(device)
            .properties(Map.of("url", "https://shop.example.com/")).timestamp(new Date(at + 2000)));
        analytics.enqueue(ScreenMessage.builder("Cart").anonymousId(device)
            .properties(Map.of("items", 2)).timestamp(new Date(at + 3000)));
        analytics.enqueue(GroupMessage.builder("acme").userId(who).traits(Map.of("plan", "pro"))
            .timestamp(new Date(at + 4000)));
        analytics.enqueue(AliasMessage.builder(who + "-old").userId(who).timestamp(new Date(at + 5000)));
        for (int number = 0; number < tracks; number++) {
            analytics.enqueue(TrackMessage.builder("Counted").userId(who).messageId(who + "-" + number)
                .properties(Map.of("number", number)));
            if (number == tracks / 2) {
                await(analytics, done, 6 + number + 1);
                System.out.println("half");
            }
            if (number % 50 == 0) {
                Thread.sleep(5);
            }
        }
        await(analytics, done, 6 + tracks);
        analytics.shutdown();
    }

    private static void await(Analytics analytics, AtomicInteger done, int wanted) throws Exception {
        analytics.flush();
        for (int turn = 0; done.get() < wanted && turn < 6000; turn++) {
            Thread.sleep(10);
        }
        if (done.get() < wanted) {
            FAILED.add("no answer for " + (wanted - done.get()));
        }
    }
}
