package io.framepipeline.systemtests.faults;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.MethodModel;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.instrument.ClassFileTransformer;
import java.security.ProtectionDomain;

/** Inserts the calls of {@link Faults} as the classes with a {@link FaultPoint} are loaded. */
final class FaultTransformer implements ClassFileTransformer {
  private static final ClassDesc FAULTS = ClassDesc.of(Faults.class.getName());

  @Override
  public byte[] transform(
      ClassLoader loader,
      String className,
      Class<?> redefined,
      ProtectionDomain domain,
      byte[] classFile) {
    return FaultPoint.in(className).map(point -> transform(point, classFile)).orElse(null);
  }

  private static byte[] transform(FaultPoint point, byte[] bytes) {
    try {
      ClassFile classFile = ClassFile.of();
      ClassModel model = classFile.parse(bytes);
      MethodModel method =
          model.methods().stream()
              .filter(candidate -> candidate.methodName().equalsString(point.method()))
              .findAny()
              .orElseThrow();
      return classFile.transformClass(
          model,
          ClassTransform.transformingMethodBodies(
              method::equals, new CallAtStart(point, method.methodTypeSymbol())));
    } catch (RuntimeException | Error e) {
      // The JVM ignores what a transformer throws, and a test without its fault would pass.
      System.err.println("no fault can be brought into " + point + ": " + e);
      Runtime.getRuntime().halt(1);
      throw e;
    }
  }

  private record CallAtStart(FaultPoint point, MethodTypeDesc type) implements CodeTransform {
    @Override
    public void atStart(CodeBuilder code) {
      for (int i = 0; i < type.parameterCount(); i++) {
        code.loadLocal(TypeKind.from(type.parameterType(i)), code.parameterSlot(i));
      }
      ClassDesc result = point.canBeLeftOut() ? ConstantDescs.CD_boolean : ConstantDescs.CD_void;
      code.invokestatic(FAULTS, point.hook(), MethodTypeDesc.of(result, type.parameterList()));
      if (point.canBeLeftOut()) {
        code.ifThen(CodeBuilder::return_);
      }
    }

    @Override
    public void accept(CodeBuilder code, CodeElement element) {
      code.with(element);
    }
  }
}
