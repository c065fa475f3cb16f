import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.KafkaMessageListenerContainer;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.util.backoff.FixedBackOff;

/**
 * A consumer of Spring Kafka as it is by default: a listener container with
 * DefaultErrorHandler and DeadLetterPublishingRecoverer, three tries in place. It
 * cannot handle the orders of which number mod (first argument of a line on its
 * input) is the rest (second argument), all of them at first, and prints what it
 * has handled. It ends with its input.
 *
 * <p>Arguments: bootstrap servers, group, topics.
 */
public class Billing {
  private static volatile int[] bad = {1, 0};

  public static void main(String[] args) throws Exception {
    var producers =
        new DefaultKafkaProducerFactory<byte[], byte[]>(
            Map.of(
                "bootstrap.servers", args[0],
                "key.serializer", ByteArraySerializer.class,
                "value.serializer", ByteArraySerializer.class));
    var consumers =
        new DefaultKafkaConsumerFactory<byte[], byte[]>(
            Map.of(
                "bootstrap.servers", args[0],
                "auto.offset.reset", "earliest",
                // Each try in place seeks, and waits for the fetch that is under way.
                "fetch.max.wait.ms", 10,
                "key.deserializer", ByteArrayDeserializer.class,
                "value.deserializer", ByteArrayDeserializer.class));
    var properties = new ContainerProperties(Arrays.copyOfRange(args, 2, args.length));
    properties.setGroupId(args[1]);
    properties.setMessageListener(
        (MessageListener<byte[], byte[]>)
            r -> {
              int order = Integer.parseInt(new String(r.value(), StandardCharsets.UTF_8));
              int[] now = bad;
              if (order % now[0] == now[1]) {
                throw new IllegalStateException("customer " + order + " is unknown");
              }
              System.out.println(order + " " + r.topic() + "/" + r.partition() + "@" + r.offset());
            });
    var container = new KafkaMessageListenerContainer<byte[], byte[]>(consumers, properties);
    container.setCommonErrorHandler(
        new DefaultErrorHandler(
            new DeadLetterPublishingRecoverer(new KafkaTemplate<byte[], byte[]>(producers)),
            new FixedBackOff(0, 2)));
    container.start();
    var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = input.readLine()) != null; ) {
      String[] words = line.split(" ");
      bad = new int[] {Integer.parseInt(words[0]), Integer.parseInt(words[1])};
    }
    container.stop();
    producers.destroy();
  }
}
